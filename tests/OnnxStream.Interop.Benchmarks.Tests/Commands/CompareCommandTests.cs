using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Commands;

namespace OnnxStream.Interop.Benchmarks.Tests.Commands;

/// <summary>The command line of the benchmarks.</summary>
public sealed class CompareCommandTests
{
    [Test]
    public void EveryCommandHasHelp()
    {
        CompareCommand root = new();
        foreach (string name in root.Subcommands.Where(command => !command.Hidden).Select(command => command.Name).Prepend(""))
        {
            using StringWriter output = new();
            string[] arguments = name.Length == 0 ? ["--help"] : [name, "--help"];
            Assert.That(root.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, EnableDefaultExceptionHandler = false }), Is.Zero, name);
            Assert.That(output.ToString(), Does.Contain("--help"), name);
        }
    }
}
