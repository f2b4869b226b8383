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
            Assert.That(lines, Has.Exactly(1).Match($@"^\s*{family.Name}\s+\d\.\de[+-]\d+\s+\d\.\de[+-]\d+\s+ok\s+\d+\.\d+ s\r?$"), family.Name);
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
    public void A_family_that_does_not_exist_is_bad_input() =>
        Invocation.Of("selftest", "--only", "teleportation").AssertFailed(ExitCode.BadInput, "teleportation", "winograd convolution");
}
