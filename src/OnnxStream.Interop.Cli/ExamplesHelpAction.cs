using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using OnnxStream.Interop.Cli.Commands;

namespace OnnxStream.Interop.Cli;

/// <summary>The library's own help, followed by the examples of the command, or by the exit codes where there is no command.</summary>
internal sealed class ExamplesHelpAction(HelpAction inner) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = inner.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is ToolCommand command)
        {
            output.WriteLine("Examples:");
            foreach (string example in command.Examples)
            {
                output.WriteLine($"  {example}");
            }
        }
        else
        {
            output.WriteLine(
                $"""
                Results go to standard output, progress and errors to standard error.
                Exit codes: {ExitCode.Success} success, {ExitCode.Failure} failed while running, {ExitCode.BadInput} wrong usage or input, {ExitCode.Cancelled} cancelled by Ctrl-C.
                'onnxstream COMMAND --help' has details and examples.
                """);
        }

        return code;
    }
}
