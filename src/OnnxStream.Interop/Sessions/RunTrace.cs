using System.Diagnostics;
using System.Text.Json;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop;

/// <summary>What each step of one or more runs took. Give it to <see cref="RunOptions.Trace"/>.</summary>
public sealed class RunTrace
{
    private readonly List<StepTrace> _steps = [];
    private long _origin;

    /// <summary>The steps, in the order in which they ran.</summary>
    public IReadOnlyList<StepTrace> Steps => _steps;

    /// <summary>Writes the steps as a Chrome trace, which chrome://tracing and https://ui.perfetto.dev show.</summary>
    /// <param name="stream">Receives JSON. It stays open.</param>
    public void SaveChromeTrace(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using Utf8JsonWriter writer = new(stream);
        writer.WriteStartObject();
        writer.WriteString("displayTimeUnit", "ms");
        writer.WriteStartArray("traceEvents");
        foreach (StepTrace step in _steps)
        {
            writer.WriteStartObject();
            writer.WriteString("name", step.NodeName.Length > 0 ? step.NodeName : step.OperatorType);
            writer.WriteString("cat", step.OperatorType);
            writer.WriteString("ph", "X");
            writer.WriteNumber("ts", step.Start.TotalMicroseconds);
            writer.WriteNumber("dur", step.Duration.TotalMicroseconds);
            writer.WriteNumber("pid", 1);
            writer.WriteNumber("tid", 1);
            writer.WriteStartObject("args");
            writer.WriteString("operator", step.OperatorType);
            writer.WriteString("kernel", step.KernelName);
            writer.WriteString("shapes", step.Shapes);
            writer.WriteNumber("flops", step.Flops);
            writer.WriteNumber("gflops_per_s", Math.Round(step.Flops / Math.Max(1e-9, step.Duration.TotalSeconds) / 1e9, 1));
            writer.WriteNumber("weights_bytes", step.WeightsBytes);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Adds a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="start">The time stamp of its start.</param>
    /// <param name="end">The time stamp of its end.</param>
    /// <param name="weightsBytes">The bytes of weights that it asked for.</param>
    /// <param name="sets">The sets of inputs that it ran for.</param>
    internal void Add(Step step, long start, long end, long weightsBytes, int sets)
    {
        if (_steps.Count == 0)
        {
            _origin = start;
        }

        _steps.Add(new StepTrace(
            step.NodeName, step.OperatorType, step.Kernel.Name, step.DescribeShapes(), Stopwatch.GetElapsedTime(_origin, start), Stopwatch.GetElapsedTime(start, end), sets * step.Kernel.Flops, weightsBytes));
    }
}

/// <summary>What one step took.</summary>
/// <param name="NodeName">The node that it computes, or a part of.</param>
/// <param name="OperatorType">The operator of that node.</param>
/// <param name="KernelName">What computes.</param>
/// <param name="Shapes">The shapes that it reads and writes, as in <c>[1,64,64,320] -> [1,64,64,640]</c>.</param>
/// <param name="Start">When it started, from the start of the first step.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Flops">Floating-point operations as the operator is defined; 0 where there are no products.</param>
/// <param name="WeightsBytes">The bytes of weights that it asked for.</param>
public sealed record StepTrace(
    string NodeName, string OperatorType, string KernelName, string Shapes, TimeSpan Start, TimeSpan Duration, long Flops, long WeightsBytes);
