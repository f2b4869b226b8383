using System.Diagnostics;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>
/// Runs the tests of XNNPACK's operators once more for older processors than this one, each in a process of its own,
/// because XNNPACK chooses its kernels once.
/// </summary>
public class InstructionSetsTests
{
    private const string Variable = "ONNXSTREAM_ISA";

    // Each has quantized kernels of its own.
    private static readonly string[] s_withKernels =
        ["sse4.1", "avx", "avx2", "avxvnni", "avx512skx", "avx512vnni", "neonv8", "neondot"];

    private static IEnumerable<string> Older =>
        s_withKernels.Where(Processor.InstructionSets.Contains).Where(name => name != Processor.InstructionSets[^1]);

    [TestCaseSource(nameof(Older))]
    public void OperatorsAreRightWithKernelsOf(string newest)
    {
        (int exitCode, string output) =
            RunTests(newest, nameof(XnnpackFullyConnectedTests), nameof(XnnpackConvolution2dTests),
            nameof(XnnpackConvertTests));
        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"Passed: +\d{3}"), output);
    }

    [Test]
    public void InstructionSetsThatTheProcessorLacksAreRefusedByName()
    {
        (int exitCode, string output) = RunTests("mmx", nameof(XnnpackConvertTests));
        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain($"{Variable}=mmx; here it can be {Processor.InstructionSets[0]}"));
    }

    private static (int ExitCode, string Output) RunTests(string newest, params IEnumerable<string> classes)
    {
        string filter = string.Join('|', classes.Select(name => $"FullyQualifiedName~{name}"));
        string host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        ProcessStartInfo start = new(host, ["test", typeof(InstructionSetsTests).Assembly.Location, "--filter", filter])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment[Variable] = newest;
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
