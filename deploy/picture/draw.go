package main

import (
	"bytes"
	"cmp"
	"image/color"
	"math"
	"slices"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A panel is a chart to draw.
type panel struct {
	tile   tile
	unit   string
	lines  bool // else stacked bars
	bin    time.Duration
	bins   int
	words  []string // what the bins are, instead of times
	series []series
}

// A series has a value for each bin, NaN for none.
type series struct {
	name   string
	values []float64
}

func (s series) total() float64 {
	sum := 0.0
	for _, v := range s.values {
		sum += v
	}
	return sum
}

// bySize sorts series, the largest first.
func bySize(all []series) []series {
	slices.SortFunc(all, func(a, b series) int {
		return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.name, b.name))
	})
	return all
}

// colors can be told apart by the color-blind (Okabe and Ito), except the last.
var colors = []color.Color{
	rgb(0x0072b2), rgb(0xe69f00), rgb(0x009e73), rgb(0xcc79a7), rgb(0x56b4e9), rgb(0xd55e00), rgb(0xb8a900), rgb(0x000000), rgb(0x999999),
}

// meanings are the colors of words that have one.
var meanings = map[string]color.Color{
	"good": rgb(0x009e73), "answered": rgb(0x0072b2), "bad": rgb(0xd55e00), "missed": rgb(0xd55e00), "none": rgb(0xc8c8c8), "": rgb(0x999999),
	"wrong secret": rgb(0xd55e00), "Unavailable": rgb(0xd55e00),
}

func rgb(n uint32) color.Color { return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255} }

var (
	ink  = rgb(0x202124)
	pale = rgb(0x5f6368)
	grid = rgb(0xe4e6e9)
)

func (p panel) color(i int) color.Color {
	if len(p.series) == 1 && p.series[0].name == "" {
		return colors[0]
	}
	if c, ok := meanings[p.series[i].name]; ok {
		return c
	}
	return colors[i%len(colors)]
}

// The page's measures, in points.
const (
	width, margin vg.Length = 900, 14
	head, rowUnit vg.Length = 44, 44 // rowUnit is a row of the dashboard's grid
	titleHeight   vg.Length = 20
	legendLine    vg.Length = 15
)

func style(size float64, c color.Color, align text.XAlignment) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler, XAlign: align, YAlign: text.YTop}
}

// page draws the panels where the dashboard has them, without the gaps that the
// others leave, and returns a PNG.
func page(title string, panels []panel) ([]byte, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	var rows []int // where the rows of the dashboard begin
	height := head
	tops := map[int]vg.Length{}
	for _, p := range panels {
		if !slices.Contains(rows, p.tile.Y) {
			rows = append(rows, p.tile.Y)
			tops[p.tile.Y] = height
			height += vg.Length(p.tile.Height)*rowUnit + margin
		}
	}
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(96), vgimg.UseBackgroundColor(color.White))
	canvas := draw.New(img)
	canvas.FillText(style(16, ink, text.XLeft), vg.Point{X: margin, Y: height - margin}, title)
	column := (width - margin) / 12
	for _, p := range panels {
		left, top := margin+vg.Length(p.tile.X)*column, tops[p.tile.Y]
		right, bottom := left+vg.Length(p.tile.Width)*column-margin, top+vg.Length(p.tile.Height)*rowUnit
		if err := p.draw(draw.Crop(canvas, left, right-width, height-bottom, -top)); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	_, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&out)
	return out.Bytes(), err
}

func (p panel) draw(c draw.Canvas) error {
	c.FillText(style(10.5, ink, text.XLeft), vg.Point{X: c.Min.X, Y: c.Max.Y}, p.tile.Widget.Title)
	c.FillText(style(8.5, pale, text.XRight), vg.Point{X: c.Max.X, Y: c.Max.Y - 2}, p.unit)
	c = draw.Crop(c, 0, 0, 0, -titleHeight)
	if p.words != nil {
		p.drawWords(c)
		return nil
	}
	c = draw.Crop(c, 0, 0, 0, -p.drawLegend(c)-4)
	chart := p.axes()
	for i := range p.series {
		if err := p.add(chart, i); err != nil {
			return err
		}
	}
	chart.Draw(c)
	return nil
}

// drawLegend draws the names below the title and returns the height they take.
func (p panel) drawLegend(c draw.Canvas) vg.Length {
	if len(p.series) == 1 && (p.series[0].name == "" || p.series[0].name == "messages") {
		return 0
	}
	label := style(9, ink, text.XLeft)
	const swatch = 8
	x, y := c.Min.X, c.Max.Y
	for i, s := range p.series {
		name := cmp.Or(s.name, "unnamed")
		w := swatch + 4 + label.Width(name)
		if x+w > c.Max.X {
			x, y = c.Min.X, y-legendLine
		}
		fill(c, p.color(i), x, y-swatch-1, swatch, swatch)
		c.FillText(label, vg.Point{X: x + swatch + 4, Y: y}, name)
		x += w + 12
	}
	return c.Max.Y - y + legendLine
}

func fill(c draw.Canvas, clr color.Color, x, y, w, h vg.Length) {
	c.FillPolygon(clr, []vg.Point{{X: x, Y: y}, {X: x + w, Y: y}, {X: x + w, Y: y + h}, {X: x, Y: y + h}})
}

// drawWords draws a bar for each word, with its number.
func (p panel) drawWords(c draw.Canvas) {
	label, number := style(9, ink, text.XRight), style(9, pale, text.XLeft)
	var widest vg.Length
	for _, word := range p.words {
		widest = max(widest, label.Width(word))
	}
	values := p.series[0].values
	step := min(26, (c.Max.Y-c.Min.Y)/vg.Length(len(values)))
	room := c.Max.X - c.Min.X - widest - 50
	for i, v := range values {
		y := c.Max.Y - vg.Length(i)*step
		x := c.Min.X + widest + 8
		w := room * vg.Length(v/slices.Max(values))
		fill(c, colors[0], x, y-step*0.8, w, step*0.66)
		middle := y - step*0.47 + 5
		c.FillText(label, vg.Point{X: x - 8, Y: middle}, p.words[i])
		c.FillText(number, vg.Point{X: x + w + 5, Y: middle}, strconv.Itoa(int(v)))
	}
}

// axes returns a plot without data; x is in bins.
func (p panel) axes() *plot.Plot {
	chart := plot.New()
	chart.BackgroundColor = color.Transparent
	chart.X.Min, chart.X.Max, chart.Y.Min, chart.Y.Max = 0, float64(p.bins), 0, 1
	chart.X.Tick.Marker = plot.ConstantTicks(p.timeTicks())
	for _, axis := range []*plot.Axis{&chart.X, &chart.Y} {
		axis.Tick.Label.Font.Size, axis.Tick.Label.Color = vg.Points(8.5), pale
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = grid, grid
		axis.Tick.Length, axis.Padding = 3, 0
	}
	chart.Y.LineStyle.Width, chart.Y.Tick.LineStyle.Width = 0, 0
	lines := plotter.NewGrid()
	lines.Vertical.Color, lines.Horizontal.Color = color.Transparent, grid
	chart.Add(lines)
	chart.Y.Max = p.top()
	chart.Y.Tick.Marker = plot.ConstantTicks(valueTicks(chart.Y.Max))
	return chart
}

// timeTicks returns one for every six hours of a day, or for every second of
// several days.
func (p panel) timeTicks() []plot.Tick {
	every, layout := 6*time.Hour, "15:04"
	if p.bin >= 24*time.Hour {
		every, layout = 48*time.Hour, "Jan 2"
	}
	var ticks []plot.Tick
	for at := time.Duration(0); at <= time.Duration(p.bins)*p.bin; at += every {
		tick := plot.Tick{Value: float64(at / p.bin), Label: firstDay.Add(at).Format(layout)}
		if at == 24*time.Hour && layout == "15:04" {
			tick.Label = "24:00"
		}
		if every > 24*time.Hour {
			if tick.Value += 0.5; at == time.Duration(p.bins)*p.bin {
				break // the day after the last
			}
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// top returns the end of the y axis, above the highest value.
func (p panel) top() float64 {
	highest := 0.0
	for bin := range p.bins {
		sum := 0.0
		for _, s := range p.series {
			if v := s.values[bin]; p.lines && v > sum {
				sum = v
			} else if !p.lines {
				sum += v
			}
		}
		highest = max(highest, sum)
	}
	return max(highest*1.06, 2)
}

// valueTicks returns up to five round whole numbers.
func valueTicks(top float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10(top)))
	for _, part := range []float64{0.1, 0.2, 0.25, 0.5, 1} {
		if n := top / (step * part); n < 5 {
			step *= part
			break
		}
	}
	step = max(1, math.Ceil(step))
	var ticks []plot.Tick
	for v := 0.0; v <= top; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	return ticks
}

// add adds the series of that number, above those before it if they are bars.
func (p panel) add(chart *plot.Plot, n int) error {
	if p.lines {
		return p.addLine(chart, n)
	}
	for bin, v := range p.series[n].values {
		if v == 0 {
			continue
		}
		below := 0.0
		for _, s := range p.series[:n] {
			below += s.values[bin]
		}
		left, right := float64(bin)+0.06, float64(bin)+0.94
		bar, err := plotter.NewPolygon(plotter.XYs{{X: left, Y: below}, {X: right, Y: below}, {X: right, Y: below + v}, {X: left, Y: below + v}})
		if err != nil {
			return err
		}
		bar.Color, bar.LineStyle.Width = p.color(n), 0
		chart.Add(bar)
	}
	return nil
}

func (p panel) addLine(chart *plot.Plot, n int) error {
	var points plotter.XYs
	for bin, v := range p.series[n].values {
		if !math.IsNaN(v) {
			points = append(points, plotter.XY{X: float64(bin) + 0.5, Y: v})
		}
	}
	if len(points) == 0 {
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = p.color(n), vg.Points(1.6)
	chart.Add(line)
	return nil
}
