using System.Diagnostics;
using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli;

/// <summary>How quick this machine is now, measured in a second: what an estimate of time is made of.</summary>
/// <param name="FlopsPerSecond">Floating-point operations a second in a convolution whose packed weights lie in memory.</param>
/// <param name="BytesPerSecond">Bytes a second that a file of weights was read with; null where there is none on this machine.</param>
internal sealed record MachineRates(double FlopsPerSecond, double? BytesPerSecond)
{
    private const int MostBytes = 256 << 20;

    /// <summary>Measures.</summary>
    /// <param name="panelType">How weights are packed.</param>
    /// <param name="threads">The threads that compute; 0 means one for each processor.</param>
    /// <param name="weightsFolder">The folder whose largest file is read; null for none.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static MachineRates Measure(ElementType panelType, int threads, string? weightsFolder, CancellationToken cancellationToken)
    {
        string name = panelType is ElementType.Int8 or ElementType.Int4 ? "convolution 3x3, int8 panels" : "convolution 3x3";
        DirectoryInfo folder = Directory.CreateTempSubdirectory("onnxstream-");
        try
        {
            double flops = SpeedTest.Run(SpeedFamilies.All.First(family => family.Name == name), threads, folder.FullName, cancellationToken).Rate;
            return new MachineRates(flops, weightsFolder is null ? null : MeasureReading(weightsFolder, cancellationToken));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Seconds for so much work: weights are read while others are computed with.</summary>
    /// <param name="flops">Floating-point operations.</param>
    /// <param name="bytes">Bytes of weights.</param>
    public double Seconds(long flops, long bytes) => Math.Max(flops / FlopsPerSecond, BytesPerSecond is { } rate ? bytes / rate : 0);

    private static double? MeasureReading(string folder, CancellationToken cancellationToken)
    {
        if (new DirectoryInfo(folder).EnumerateFiles().OrderByDescending(file => file.Length).FirstOrDefault() is not { Length: > 0 } largest)
        {
            return null;
        }

        byte[] buffer = new byte[1 << 20];
        using FileStream stream = new(largest.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        long bytes = 0, start = Stopwatch.GetTimestamp();
        while (bytes < MostBytes && stream.Read(buffer) is > 0 and int count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            bytes += count;
        }

        return bytes / Math.Max(Stopwatch.GetElapsedTime(start).TotalSeconds, 1.0 / Stopwatch.Frequency);
    }
}
