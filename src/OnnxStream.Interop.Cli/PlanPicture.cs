using System.Globalization;
using OnnxStream.Interop.Cli.Reports;
using ScottPlot;

namespace OnnxStream.Interop.Cli;

/// <summary>Draws the memory of a process over the steps of a plan, and the types of their panels where they were chosen.</summary>
internal static class PlanPicture
{
    private const int Width = 1400;
    private const int Height = 700;
    private const double MiB = 1 << 20;

    // The height of the strip below the chart, as a part of the chart's.
    private const double StripHeight = 0.04;
    private static readonly Dictionary<string, string> s_typeColors = new() { ["int4"] = "#2a9d8f", ["int8"] = "#8ab17d", ["f16"] = "#e9c46a", ["bf16"] = "#f4a261", ["f32"] = "#b3261e" };

    /// <summary>Writes a PNG file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="title">What is drawn.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="processBytes">What the process holds besides the session.</param>
    /// <param name="limit">The most that the process may hold; null for no limit.</param>
    /// <param name="layers">The weights that are divided into panels, where a type was chosen for each; empty otherwise.</param>
    public static void Write(string file, string title, PlanSummary plan, long processBytes, long? limit, IReadOnlyList<PlanLayerReport> layers)
    {
        using Plot plot = new();
        double[] bounds = [.. Enumerable.Range(0, plan.Steps.Count + 1).Select(i => (double)i)];
        double[] lower = new double[bounds.Length];

        // What is there all the time lies below what comes and goes.
        (string Name, long Bytes, string Color)[] bands =
        [
            (".NET and the model", processBytes, "#9aa5b1"),
            ("operators", plan.OperatorBytes, "#c9a227"),
            ("constants", plan.ConstantBytes, "#7b5ea7"),
            ("weights in use", plan.WeightBufferBytes + plan.WindowBytes, "#e07a3f"),
        ];
        foreach ((string name, long bytes, string color) in bands)
        {
            Fill([.. lower.Select(_ => (double)bytes)], $"{name}: {Quantity.Bytes(bytes)}", color);
        }

        long liveBytes = plan.Steps.Select(step => step.LiveBytes).DefaultIfEmpty().Max();
        Fill([.. plan.Steps.Select(step => (double)step.LiveBytes), plan.Steps.Count == 0 ? 0 : plan.Steps[^1].LiveBytes], $"tensors and scratch memory: up to {Quantity.Bytes(liveBytes)}", "#3d7ea6");
        double top = 1.05 * Line(processBytes + plan.PeakBytes, "predicted peak", "#1b3a4b", LinePattern.Solid);
        if (limit is { } bytesAllowed)
        {
            // A limit far above everything would leave the rest flat; the legend still names it.
            double line = 1.05 * Line(bytesAllowed, "--memory", "#b3261e", LinePattern.Dashed);
            top = line <= 2 * top ? Math.Max(top, line) : top;
        }

        double bottom = layers.Count == 0 ? 0 : -1.5 * StripHeight * top;
        DrawTypes();
        plot.Title(title, size: 22);
        plot.XLabel($"step of {plan.Steps.Count:N0}", size: 18);
        plot.YLabel("memory of the process in MiB", size: 18);
        plot.Axes.Bottom.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize = 16;
        plot.Grid.MajorLineColor = Colors.Black.WithAlpha(0.08);
        plot.Axes.SetLimits(0, Math.Max(1, plan.Steps.Count), bottom, top);
        Legend legend = plot.ShowLegend(Edge.Bottom).Legend;
        legend.Orientation = Orientation.Horizontal;
        legend.FontSize = 16;
        plot.Font.Set(Fonts.Sans);
        plot.SavePng(file, Width, Height);

        // A strip that has the color of each step's type of panels, and in the legend what that type's layers are and add to the error.
        void DrawTypes()
        {
            foreach (IGrouping<string, PlanLayerReport> type in layers.GroupBy(layer => layer.Type))
            {
                HashSet<string> nodes = [.. type.Select(layer => layer.Node)];
                string? label = string.Create(CultureInfo.InvariantCulture, $"{type.Key}: {type.Count():N0} layers, {Quantity.Bytes(type.Sum(layer => layer.Bytes))}, {100 * type.Sum(layer => layer.ErrorShare ?? 0):0} % of the error");
                for (int i = 0; i < plan.Steps.Count; i++)
                {
                    if (plan.Steps[i].Panels > 0 && nodes.Contains(plan.Steps[i].NodeName))
                    {
                        ScottPlot.Plottables.Rectangle mark = plot.Add.Rectangle(i, i + 1, bottom, bottom + StripHeight * top);
                        mark.FillColor = Color.FromHex(s_typeColors[type.Key]);
                        mark.LineWidth = 0;
                        mark.LegendText = label ?? "";
                        label = null;
                    }
                }
            }
        }

        void Fill(double[] bytes, string label, string color)
        {
            (double[] xs, double[] from, double[] to) = (new double[2 * plan.Steps.Count], new double[2 * plan.Steps.Count], new double[2 * plan.Steps.Count]);
            for (int i = 0; i < plan.Steps.Count; i++)
            {
                for (int k = 0; k < 2; k++)
                {
                    xs[2 * i + k] = i + k;
                    from[2 * i + k] = lower[i] / MiB;
                    to[2 * i + k] = (lower[i] + bytes[i]) / MiB;
                }

                lower[i] += bytes[i];
            }

            ScottPlot.Plottables.FillY fill = plot.Add.FillY(xs, from, to);
            fill.FillColor = Color.FromHex(color);
            fill.LineWidth = 0;
            fill.LegendText = label;
        }

        double Line(long bytes, string label, string color, LinePattern pattern)
        {
            ScottPlot.Plottables.HorizontalLine line = plot.Add.HorizontalLine(bytes / MiB, 2, Color.FromHex(color), pattern);
            line.LegendText = $"{label}: {Quantity.Bytes(bytes)}";
            return bytes / MiB;
        }
    }
}
