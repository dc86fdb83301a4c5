module articlepool

go 1.19
