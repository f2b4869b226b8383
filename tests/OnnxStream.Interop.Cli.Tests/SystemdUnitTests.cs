using System.Diagnostics;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>The units in <c>packaging/systemd</c>: systemd understands them, they are tight, and the tool understands what they start.</summary>
[Platform(Include = "Linux")]
public class SystemdUnitTests
{
    private const string Analyzer = "/usr/bin/systemd-analyze";

    [TestCase("onnxstream-serve")]
    [TestCase("onnxstream-work")]
    public void SystemdUnderstandsThem(string name)
    {
        (int exitCode, string output) = Analyze(name, "verify");
        Assert.That((exitCode, output), Is.EqualTo((0, "")));
    }

    [TestCase("onnxstream-serve")]
    [TestCase("onnxstream-work")]
    public void LittleIsLeftOpen(string name)
    {
        // 0 is a service that can do nothing, 10 one without limits; a service with none of its settings has 9.6.
        (int exitCode, string output) = Analyze(name, "security", "--offline=true", "--threshold=20");
        Assert.That((exitCode, output), Is.EqualTo((0, output)));
    }

    [TestCase("onnxstream-serve")]
    [TestCase("onnxstream-work")]
    public void TheToolKnowsEveryOption(string name)
    {
        string[] words = Line(name, "ExecStart=").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        using StringWriter output = new(), error = new();
        Assert.That(CommandLine.Invoke([words[1], "--help"], output, error), Is.Zero, error.ToString());
        Assert.That(words.Where(word => word.StartsWith("--", StringComparison.Ordinal)), Is.All.Matches<string>(option => output.ToString().Contains($"{option} ", StringComparison.Ordinal)));
    }

    private static string Line(string name, string start) => File.ReadLines(PathOf(name)).Single(line => line.StartsWith(start, StringComparison.Ordinal))[start.Length..];

    private static string PathOf(string name)
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !Directory.Exists(Path.Combine(folder, "packaging", "systemd")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder!, "packaging", "systemd", $"{name}.service");
    }

    private static (int ExitCode, string Output) Analyze(string name, params string[] arguments)
    {
        if (!File.Exists(Analyzer))
        {
            Assert.Ignore("There is no systemd-analyze.");
        }

        // The program is where a user puts it, not here.
        using TemporaryFolder folder = new();
        string unit = folder[$"{name}.service"];
        File.WriteAllText(unit, File.ReadAllText(PathOf(name)).Replace("/opt/onnxstream/onnxstream", "/bin/true", StringComparison.Ordinal));
        using Process process = Process.Start(new ProcessStartInfo(Analyzer, [.. arguments, unit]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
