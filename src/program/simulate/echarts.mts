/**
 * The part of ECharts that draws the pictures. The build bundles this one file, so that the package carries the part and
 * does not depend on the whole; it is loaded only to draw.
 */
import { LineChart } from "echarts/charts"
import { GridComponent, MarkLineComponent } from "echarts/components"
import { init, use } from "echarts/core"
import { SVGRenderer } from "echarts/renderers"

use([LineChart, GridComponent, MarkLineComponent, SVGRenderer])

export { init }
