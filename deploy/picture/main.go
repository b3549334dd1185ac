// Command picture draws what the dashboard shows of a simulated day:
//
//	cd deploy && go run ./picture dashboard.png
//
// The day is made up, the same in every run: few chats at night, a peak in the
// afternoon, an hour in which somebody tries to guess the secret, and a hiccup of Cloud
// Logging.
package main

import (
	"image/color"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// slots is how many ten minutes a day has, which is what a bar stands for.
const slots = 24 * 6

// day is what the metrics of a day would hold, by ten minutes.
type day struct {
	started, ended, messages, refused, notTaken []float64

	length, reply [24][]float64 // seconds, by the hour
}

func simulate() day {
	r := rand.New(rand.NewPCG(1, 2))
	var d day
	for _, values := range []*[]float64{&d.started, &d.ended, &d.messages, &d.refused, &d.notTaken} {
		*values = make([]float64, slots)
	}
	d.notTaken[16*6+1], d.notTaken[16*6+2] = 7, 3
	for slot := range slots {
		hour := float64(slot) / 6
		rate := 0.4 + 9*math.Exp(-math.Pow((hour-14)/4, 2))
		for range int(rate*(0.6+0.8*r.Float64()) + r.Float64()) {
			length := math.Exp(5.2 + 0.8*r.NormFloat64())
			reply := math.Exp(2.8 + 0.7*r.NormFloat64() + rate/15)
			d.started[slot]++
			d.messages[slot] += 2 + math.Floor(length/40)
			if end := slot + int(length/600+r.Float64()); end < slots {
				d.ended[end]++
				h := end / 6
				d.length[h], d.reply[h] = append(d.length[h], length), append(d.reply[h], reply)
			}
		}
		if hour >= 3 && hour < 4 {
			d.refused[slot] = 40 + math.Floor(60*r.Float64())
		}
	}
	return d
}

// quantile returns the q-th quantile of each hour, leaving out hours with
// nothing.
func quantile(hours [24][]float64, q float64) plotter.XYs {
	var points plotter.XYs
	for hour, values := range hours {
		if slices.Sort(values); len(values) > 0 {
			points = append(points, plotter.XY{X: float64(hour) + 0.5, Y: values[int(q*float64(len(values)-1))]})
		}
	}
	return points
}

func byTime(values []float64) plotter.XYs {
	points := make(plotter.XYs, len(values))
	for i, v := range values {
		points[i] = plotter.XY{X: float64(i) / 6, Y: v}
	}
	return points
}

func panel(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font.Size = 14
	p.Title.Padding = 6
	p.X.Min, p.X.Max, p.Y.Min = 0, 24, 0
	p.X.Tick.Marker = plot.ConstantTicks([]plot.Tick{
		{Value: 0, Label: "0:00"}, {Value: 6, Label: "6:00"}, {Value: 12, Label: "12:00"}, {Value: 18, Label: "18:00"}, {Value: 24, Label: "24:00"},
	})
	p.Legend.Top = true
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Transparent, color.Gray{Y: 225}
	p.Add(grid)
	return p
}

func lines(title string, names []string, all ...plotter.XYs) *plot.Plot {
	p := panel(title)
	for i, points := range all {
		l, err := plotter.NewLine(points)
		if err != nil {
			log.Fatal(err)
		}
		l.Color, l.Width = plotutil.Color(i), vg.Points(1.6)
		p.Add(l)
		p.Legend.Add(names[i], l)
	}
	return p
}

// bars stacks the values of each ten minutes.
func bars(title string, names []string, all ...[]float64) *plot.Plot {
	p := panel(title)
	below := make([]float64, slots)
	for i, values := range all {
		area := plotter.XYs{{X: 0, Y: 0}}
		top := make([]float64, slots)
		for slot, v := range values {
			top[slot] = below[slot] + v
			area = append(area, plotter.XY{X: float64(slot) / 6, Y: top[slot]}, plotter.XY{X: float64(slot+1) / 6, Y: top[slot]})
		}
		area = append(area, plotter.XY{X: 24, Y: 0})
		for slot := slots - 1; slot >= 0; slot-- {
			area = append(area, plotter.XY{X: float64(slot+1) / 6, Y: below[slot]}, plotter.XY{X: float64(slot) / 6, Y: below[slot]})
		}
		shape, err := plotter.NewPolygon(area)
		if err != nil {
			log.Fatal(err)
		}
		shape.Color, shape.LineStyle.Width = plotutil.Color(i), 0
		p.Add(shape)
		p.Legend.Add(names[i], shape)
		below = top
	}
	p.Y.Max = max(1, slices.Max(below)*1.25)
	return p
}

func main() {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	if len(os.Args) != 2 {
		log.Fatal("usage: picture FILE.png")
	}
	d := simulate()
	panels := [][]*plot.Plot{
		{
			bars("Webhooks by event", []string{"incoming_event", "chat_started", "chat_ended"}, d.messages, d.started, d.ended),
			lines("Chats started and ended", []string{"started", "ended"}, byTime(d.started), byTime(d.ended)),
		},
		{
			lines("Chat length in seconds (v2)", []string{"p50", "p95"}, quantile(d.length, 0.5), quantile(d.length, 0.95)),
			lines("First reply in seconds (v2)", []string{"p50", "p95"}, quantile(d.reply, 0.5), quantile(d.reply, 0.95)),
		},
		{
			bars("Refused requests by reason", []string{"wrong secret"}, d.refused),
			bars("Webhooks that Cloud Logging did not take", []string{"Unavailable"}, d.notTaken),
		},
	}
	const width, height, head = 28 * vg.Centimeter, 24 * vg.Centimeter, 1.4 * vg.Centimeter
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(96))
	page := draw.New(img)
	title := text.Style{Color: color.Black, Font: font.From(plot.DefaultFont, 18), Handler: plot.DefaultTextHandler, XAlign: text.XCenter}
	page.FillText(title, vg.Point{X: width / 2, Y: height - head + 8}, "LiveChat webhooks: a simulated day")
	tiles := draw.Tiles{Rows: len(panels), Cols: 2, PadX: 24, PadY: 18, PadTop: 6, PadBottom: 8, PadLeft: 8, PadRight: 12}
	body := draw.Crop(page, 0, 0, 0, -head)
	for i, row := range plot.Align(panels, tiles, body) {
		for j, canvas := range row {
			panels[i][j].Draw(canvas)
		}
	}
	f, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(f); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
