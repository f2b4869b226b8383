using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.RegularExpressions;
using OnnxStream.Interop.Cli.Commands;
using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli;

/// <summary>Parses the arguments, runs a command and turns what happened into an exit code and one line on standard error.</summary>
internal static partial class CommandLine
{
    private const string Name = "onnxstream";

    /// <summary>The line of a command that was stopped by a signal.</summary>
    public const string Cancelled = $"{Name}: cancelled.";

    /// <summary>The version of the tool.</summary>
    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Runs the tool in this process.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="stdout">Receives results.</param>
    /// <param name="stderr">Receives progress and errors.</param>
    /// <param name="cancellationToken">Stops the command; the exit code is then <see cref="ExitCode.Cancelled"/>.</param>
    /// <returns>A member of <see cref="ExitCode"/>.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The outermost frame: whatever was thrown becomes a line and an exit code.")]
    public static int Invoke(IReadOnlyList<string> args, TextWriter stdout, TextWriter stderr, CancellationToken cancellationToken = default)
    {
        RootCommand root = CreateRoot();

        // Without a response file, an argument such as "@home" is what it says: a prompt may begin with an @.
        ParserConfiguration parser = new() { ResponseFileTokenReplacer = null };
        bool isEmpty = args.Count == 0;
        ParseResult arguments = root.Parse(isEmpty ? ["--help"] : args, parser);
        if (arguments.Action is ParseErrorAction)
        {
            string errors = string.Join(' ', arguments.Errors.Select(error => ExpectedType().Replace(error.Message, "")).Distinct());
            Command command = arguments.CommandResult.Command;
            string path = command is RootCommand ? Name : $"{Name} {command.Name}";
            stderr.WriteLine($"{path}: {OneLine(errors)} See '{path} --help'.");
            return ExitCode.BadInput;
        }

        InvocationConfiguration invocation = new()
        {
            Output = isEmpty ? stderr : stdout,
            Error = stderr,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            arguments.InvokeAsync(invocation, cancellationToken).GetAwaiter().GetResult();
            return isEmpty ? ExitCode.BadInput : ExitCode.Success;
        }
        catch (Exception exception)
        {
            Report(exception, stderr, arguments.GetValue<bool>(ToolCommand.VerboseOption));
            return ExitCode.Of(exception);
        }
    }

    private static RootCommand CreateRoot()
    {
        RootCommand root = new("Runs ONNX models inside a memory budget by streaming their weights from disk.")
        {
            new RunCommand(),
            new InspectCommand(),
            new PlanCommand(),
            new PackCommand(),
            new CacheCommand(),
            new ConvertCommand(),
            new CalibrateCommand(),
            new QuantizeCommand(),
            new StableDiffusionCommand(),
            new GenerateCommand(),
            new ChatCommand(),
            new TokenizeCommand(),
            new BenchLlmCommand(),
            new EmbedCommand(),
            new SearchCommand(),
            new OcrCommand(),
            new ClassifyCommand(),
            new DetectCommand(),
            new RemoveBackgroundCommand(),
            new VoiceActivityCommand(),
            new TranscribeCommand(),
            new PullCommand(),
            new ModelsCommand(),
            new ServeCommand(),
            new WorkCommand(),
            new SelfTestCommand(),
        };
        root.Options.Add(new Option<bool>(ToolCommand.QuietOption, "-q")
        {
            Description = "Report no progress.",
            Recursive = true,
        });
        root.Options.Add(new Option<bool>(ToolCommand.VerboseOption)
        {
            Description = "Say where in the code an error came from.",
            Recursive = true,
        });
        foreach (Option option in root.Options)
        {
            switch (option)
            {
                case HelpOption help:
                    help.Action = new ExamplesHelpAction((HelpAction)help.Action!);
                    break;
                case VersionOption version:
                    version.Action = new VersionAction();
                    break;
            }
        }

        return root;
    }

    private static void Report(Exception exception, TextWriter stderr, bool verbose)
    {
        if (verbose)
        {
            stderr.WriteLine(exception);
            return;
        }

        while (exception is TypeInitializationException or AggregateException or TargetInvocationException
            && exception.InnerException is { } inner)
        {
            exception = inner;
        }

        stderr.WriteLine($"{Name}: {OneLine(Describe(exception))}");
    }

    /// <summary>What a user is told of an exception: in the words of the library and the system, not in those of the programming language.</summary>
    internal static string Describe(Exception exception) => exception switch
    {
        OperationCanceledException => "cancelled.",
        OnnxStreamException or UsageException or SelfTestException or IOException or UnauthorizedAccessException or DllNotFoundException => exception.Message,

        // Without the name of the parameter, which says nothing to those who did not write the call.
        ArgumentException argument => ParameterName().Replace(argument.Message, ""),
        InvalidOperationException or NotSupportedException when !TypeNames().IsMatch(exception.Message) => exception.Message,
        OutOfMemoryException => "the memory of this machine is exhausted.",
        _ => "the tool failed in a way that it should not, whatever it is given; --verbose shows where. Please report that as a fault of the tool, with the command and the model.",
    };

    // A list that had a line for each item reads on with semicolons between them.
    private static string OneLine(string text) => LineBreaks().Replace(
        text.Trim(), match => match.Groups["end"].Length > 0 ? $"{match.Groups["end"]} " : "; ");

    [GeneratedRegex(@"(?<end>[.,:;]?)\s*[\r\n]+\s*")]
    private static partial Regex LineBreaks();

    [GeneratedRegex(@"\s*\(Parameter '[^']*'\)|\s*Parameter name:.*$")]
    private static partial Regex ParameterName();

    [GeneratedRegex(@"System\.|`\d|Exception|Object reference")]
    private static partial Regex TypeNames();

    // What the parser of arguments adds where it could not convert one.
    [GeneratedRegex(@" as expected type '[^']*'")]
    private static partial Regex ExpectedType();

    private sealed class VersionAction : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"{Name} {Version}");
            return ExitCode.Success;
        }
    }
}
