using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using ScottPlot;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace OnnxStream.Interop.Benchmarks.Reports;

/// <summary>Draws what was measured: a group of bars for each model, a bar for each engine.</summary>
internal static class ComparisonPlots
{
    private const double MebiByte = 1 << 20;
    private const int Height = 480;
    private const int PixelsPerBar = 62;
    private const int PixelsForAxes = 320;

    // A font without serifs of each system, as far as it is installed.
    private static readonly string[] s_fonts = ["DejaVu Sans", "Segoe UI", "Helvetica Neue", "Liberation Sans", "Noto Sans", "Arial"];

    /// <summary>Draws times as ratios to the baseline.</summary>
    /// <returns>Whether there was anything to draw.</returns>
    public static bool WriteTime(string path, IReadOnlyList<ModelResult> models)
    {
        using Plot plot = Create();

        // First, so that it is behind the bars and their labels.
        plot.Add.HorizontalLine(1, 1, Colors.Black, LinePattern.Dashed).EnableAutoscale = false;
        double highest = AddBars(plot, models, (result, model) => model.Baseline is { } baseline ? result.RatiosTo(baseline).Median() : null, value => value, value => $"{value:0.00}");
        plot.YLabel($"time / time of {EngineCatalog.Baseline}");
        plot.Title("Time of a run, lower is better");
        plot.Axes.SetLimitsY(0, highest * 1.15);
        return highest > 0 && Save(plot, path, models);
    }

    /// <summary>Draws peaks of resident memory on a logarithmic scale.</summary>
    /// <returns>Whether there was anything to draw.</returns>
    public static bool WriteMemory(string path, IReadOnlyList<ModelResult> models)
    {
        using Plot plot = Create();
        const double Lowest = 1;
        double highest = AddBars(plot, models, (result, _) => result.PeakRssBytes / MebiByte, Math.Log10, value => $"{value:N0}", Lowest);
        plot.Axes.Left.TickGenerator = new NumericAutomatic
        {
            MinorTickGenerator = new LogMinorTickGenerator(),
            IntegerTicksOnly = true,
            LabelFormatter = exponent => $"{Math.Pow(10, exponent):N0}",
        };
        plot.YLabel("peak resident memory, MiB");
        plot.Title("Peak memory of the process, lower is better (logarithmic)");
        plot.Axes.SetLimitsY(Lowest, Math.Max(Math.Ceiling(highest), highest + 0.15));
        return highest > 0 && Save(plot, path, models);
    }

    private static Plot Create()
    {
        // Set before there is a plot: one that exists would keep the old font in its legend and the labels of its bars.
        Fonts.Default = s_fonts.FirstOrDefault(SKFontManager.Default.FontFamilies.Contains, Fonts.Default);
        return new Plot();
    }

    // Returns the top of the highest bar, 0 if there is none.
    private static double AddBars(
        Plot plot,
        IReadOnlyList<ModelResult> models,
        Func<EngineResult, ModelResult, double?> measure,
        Func<double, double> scale,
        Func<double, string> format,
        double valueBase = 0)
    {
        ScottPlot.Palettes.Category10 palette = new();
        List<Engine> engines = [.. models.SelectMany(model => model.Engines).Select(result => result.Engine).Distinct()];
        List<Bar> bars = [];
        List<Tick> ticks = [];
        int position = 0;
        foreach (ModelResult model in models)
        {
            ticks.Add(new Tick(position + (model.Engines.Count - 1) / 2.0, model.Model));
            foreach (EngineResult result in model.Engines)
            {
                if (result.Failure is null && measure(result, model) is { } value)
                {
                    bars.Add(new Bar
                    {
                        Position = position,
                        Value = scale(value),
                        ValueBase = valueBase,
                        FillColor = palette.GetColor(engines.IndexOf(result.Engine)),
                        LineWidth = 0,
                        Label = format(value),
                        CenterLabel = false,
                    });
                }

                position++;
            }

            // A gap between the models.
            position++;
        }

        ScottPlot.Plottables.BarPlot barPlot = plot.Add.Bars(bars);
        barPlot.ValueLabelStyle.FontSize = 12;
        barPlot.ValueLabelStyle.BackgroundColor = Colors.White;
        foreach (Engine engine in engines)
        {
            plot.Legend.ManualItems.Add(new LegendItem { LabelText = engine.Name, FillColor = palette.GetColor(engines.IndexOf(engine)), LineWidth = 0 });
        }

        plot.Axes.Bottom.TickGenerator = new NumericManual([.. ticks]);
        plot.Axes.Bottom.MajorTickStyle.Length = 0;
        plot.Axes.Bottom.TickLabelStyle.FontSize = 14;
        plot.Axes.SetLimitsX(-1, position - 1);
        plot.Grid.XAxisStyle.IsVisible = false;
        return bars.Count == 0 ? 0 : bars.Max(bar => bar.Value);
    }

    private static bool Save(Plot plot, string path, IReadOnlyList<ModelResult> models)
    {
        plot.ShowLegend(Edge.Right);
        plot.SavePng(path, PixelsForAxes + PixelsPerBar * models.Sum(model => model.Engines.Count + 1), Height);
        return true;
    }
}
