using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class SelfTestCommandTests
{
    // Models of this size stay in memory otherwise, and tests of limits count what the process has.
    [TearDown]
    public void GiveBackMemory() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

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

    [Test]
    public void Speed_is_a_rate_and_a_part_of_what_was_measured_here()
    {
        JsonElement report = JsonDocument.Parse(Invocation.Of("selftest", "--speed", "--only", "one row", "softmax", "1x1", "--threads", "1", "--json").AssertSucceeded().Output).RootElement;
        JsonElement[] families = [.. report.GetProperty("families").EnumerateArray()];
        Assert.That(families.Select(family => family.GetProperty("name").GetString()), Is.EqualTo((string[])["convolution 1x1", "one row, int4 weights", "softmax"]));
        Assert.That(families.Select(family => family.GetProperty("unit").GetString()), Is.EqualTo((string[])["GFLOPS", "GB/s", "GB/s"]));
        double peak = report.GetProperty("peak_gflops").GetDouble();
        foreach (JsonElement family in families)
        {
            Assert.That(family.GetProperty("rate").GetDouble(), Is.GreaterThan(0));
        }

        Assert.That(families[0].GetProperty("fraction").GetDouble(), Is.EqualTo(families[0].GetProperty("rate").GetDouble() / peak).Within(0.01));
        Assert.That(report.GetProperty("threads").GetInt32(), Is.EqualTo(1));
    }

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
