namespace OnnxStream.Interop.Build.Tests;

[Platform(Exclude = "Win", Reason = "The programs that are run are scripts for bash.")]
internal sealed class ExternalProgramTests
{
    [Test]
    public void Reads_standard_output_only()
    {
        using Machine machine = new();
        machine.Add("talk", "echo one; echo two >&2; echo \"$@\"");
        Assert.That(ExternalProgram.Read(machine["talk"], "three", "fo ur"), Is.EqualTo("one\nthree fo ur\n"));
    }

    [Test]
    public void Reads_nothing_from_a_program_that_fails()
    {
        using Machine machine = new();
        machine.Add("fail", "echo one; exit 1");
        Assert.That(ExternalProgram.Read(machine["fail"]), Is.Null);
    }

    [Test]
    public void Keeps_all_that_a_program_says()
    {
        using Machine machine = new();
        machine.Add("talk", "for i in {1..500}; do echo \"out $i\"; echo \"err $i\" >&2; done; exit 7");
        using StringWriter output = new();
        Assert.That(ExternalProgram.TryRun(output, machine["talk"]), Is.EqualTo(7));
        string[] lines = output.ToString().TrimEnd().Split('\n');
        Assert.That(lines.Where(line => line[0] == 'o'), Is.EqualTo(Enumerable.Range(1, 500).Select(i => $"out {i}")));
        Assert.That(lines.Where(line => line[0] == 'e'), Is.EqualTo(Enumerable.Range(1, 500).Select(i => $"err {i}")));
    }

    [Test]
    public void A_failure_ends_the_build_with_its_exit_code_and_nothing_to_add()
    {
        using Machine machine = new();
        machine.Add("fail", "exit 7");
        BuildFailedException exception = Assert.Throws<BuildFailedException>(() => ExternalProgram.Run(machine["fail"]));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(exception.ExitCode, Is.EqualTo(7));
            Assert.That(exception.HasMessage, Is.False);
        }
    }
}
