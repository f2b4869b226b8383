using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class SelfTestCommandTests
{
    [Test]
    public void Every_family_is_exact_enough_on_this_machine()
    {
        string[] lines = Invocation.Of("selftest").AssertSucceeded().Output.Split('\n');
        Assert.That(lines, Has.Some.Matches<string>(line => line.StartsWith("processor", StringComparison.Ordinal) && line.Contains(RuntimeInformation.ProcessArchitecture.ToString(), StringComparison.OrdinalIgnoreCase)));
        Assert.That(lines, Has.Some.Match($"^instructions  {string.Join(' ', Processor.InstructionSets)}\r?$"));
        foreach (SelfTestFamily family in SelfTestFamilies.All)
        {
            Assert.That(lines, Has.Exactly(1).Match($@"^\s*{family.Name}\s+\d\.\de[+-]\d+\s+\d\.\de[+-]\d+\s+ok\s+\d+\.\d+ s( +\S+\[\d+\])?\s*$"), family.Name);
        }

        Assert.That(lines, Has.Some.StartWith($"{SelfTestFamilies.All.Count} ok, 0 failed"));
    }

    [Test]
    public void Only_named_families_are_tested()
    {
        JsonElement report = JsonDocument.Parse(Invocation.Of("selftest", "--only", "soft", "attention", "--threads", "2", "--json").AssertSucceeded().Output).RootElement;
        Assert.That(report.GetProperty("families").EnumerateArray().Select(family => family.GetProperty("name").GetString()), Is.EqualTo((string[])["attention", "softmax"]));
        Assert.That(report.GetProperty("families").EnumerateArray().Select(family => family.GetProperty("ok").GetBoolean()), Is.All.True);
        Assert.That(report.GetProperty("failed").GetInt32(), Is.Zero);
        Assert.That(report.GetProperty("instruction_sets").EnumerateArray().Select(name => name.GetString()), Is.EqualTo(Processor.InstructionSets));
    }

    // In a process of its own: tests of limits count the most that this one ever had. A family whose kernel is not used is an error of the tool.
    [Test]
    public void Speed_is_a_rate_and_a_part_of_what_was_measured_here()
    {
        JsonElement report = JsonDocument.Parse(ToolProcess.Run(["selftest", "--speed", "--json"]).AssertSucceeded().Output).RootElement;
        double peak = report.GetProperty("peak_gflops").GetDouble();
        double memory = report.GetProperty("memory_gb_per_second").GetDouble();

        // Slower than a Pi Zero, and quicker than anything: the unit is the right one.
        Assert.That(peak, Is.InRange(0.1, 1e4));
        Assert.That(memory, Is.InRange(0.1, 1e4));
        JsonElement[] families = [.. report.GetProperty("families").EnumerateArray()];
        Assert.That(families.Select(family => family.GetProperty("name").GetString()), Is.EqualTo(SpeedFamilies.All.Select(family => family.Name)));
        foreach ((JsonElement measured, SpeedFamily family) in families.Zip(SpeedFamilies.All))
        {
            bool isMemory = family.Limit == SpeedLimit.Memory;
            double rate = measured.GetProperty("rate").GetDouble();
            Assert.That(rate, Is.GreaterThan(0), family.Name);
            Assert.That(measured.GetProperty("unit").GetString(), Is.EqualTo(isMemory ? "GB/s" : "GFLOPS"), family.Name);
            Assert.That(measured.GetProperty("fraction").GetDouble(), Is.EqualTo(rate / (isMemory ? memory : peak)).Within(2).Percent.Or.EqualTo(rate / (isMemory ? memory : peak)).Within(0.01), family.Name);
            Assert.That(family.Bytes > 0, Is.EqualTo(isMemory), family.Name);
        }
    }

    [Test]
    public void Speed_of_an_unknown_family_is_refused() =>
        Assert.That(Invocation.Of("selftest", "--speed", "--only", "nothing"), Has.Property(nameof(Invocation.ExitCode)).EqualTo(2).And.Property(nameof(Invocation.Error)).Contains("The families are: convolution 1x1"));

    // The kernels of other processors than this one's, with managed vectors that fit them.
    [TestCase("avx2", "DOTNET_EnableAVX512")]
    [TestCase("fma3", "DOTNET_EnableAVX2")]
    [TestCase("avx", "DOTNET_EnableAVX2")]
    [TestCase("sse4.1", "DOTNET_EnableAVX")]
    [TestCase("ssse3", "DOTNET_EnableHWIntrinsic")]
    [TestCase("neon", "")]
    [TestCase("neondot", "")]
    public async Task Every_family_is_exact_enough_with_other_instructions(string instructions, string disabled)
    {
        if (!Processor.InstructionSets.Contains(instructions))
        {
            Assert.Ignore($"This processor has no {instructions}.");
        }

        string folder = TestContext.CurrentContext.TestDirectory;
        string tests = Path.Combine(folder, "OnnxStream.Interop.Cli.Tests");
        ProcessStartInfo start = new(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            ["exec", "--depsfile", $"{tests}.deps.json", "--runtimeconfig", $"{tests}.runtimeconfig.json", Path.Combine(folder, "onnxstream.dll"), "selftest", "--json", "--threads", "2"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ONNXSTREAM_ISA"] = instructions;
        if (disabled.Length > 0)
        {
            start.Environment[disabled] = "0";
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, $"{await errors}{output}");
        string[] used = [.. JsonDocument.Parse(output).RootElement.GetProperty("instruction_sets").EnumerateArray().Select(name => name.GetString()!)];
        Assert.That(used, Has.Member(instructions).And.SubsetOf(Processor.InstructionSets).And.None.StartsWith("avx512").And.None.StartsWith("avx256"));
    }

    [Test]
    public void A_family_that_does_not_exist_is_bad_input() =>
        Invocation.Of("selftest", "--only", "teleportation").AssertFailed(ExitCode.BadInput, "teleportation", "winograd convolution");
}
