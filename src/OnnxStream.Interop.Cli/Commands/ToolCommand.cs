using System.CommandLine;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary>A command of the tool. Whatever it throws becomes an error line and an exit code in <see cref="CommandLine"/>.</summary>
internal abstract class ToolCommand : Command
{
    /// <summary>The option that switches progress off.</summary>
    public const string QuietOption = "--quiet";

    /// <summary>The option that adds stack traces to errors.</summary>
    public const string VerboseOption = "--verbose";

    protected ToolCommand(string name, string description)
        : base(name, description) =>
        SetAction((arguments, cancellationToken) =>
        {
            InvocationConfiguration invocation = arguments.InvocationConfiguration;
            Execute(arguments, new Terminal(invocation.Output, invocation.Error, arguments.GetValue<bool>(QuietOption)), cancellationToken);
            return Task.FromResult(ExitCode.Success);
        });

    /// <summary>Command lines that the help shows.</summary>
    public abstract IReadOnlyList<string> Examples { get; }

    /// <summary>Does the work.</summary>
    protected abstract void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken);

    /// <summary>An option whose value is a whole number not below <paramref name="minimum"/>.</summary>
    protected static Option<int> NumberOption(string name, int minimum, int defaultValue, string description)
    {
        return new Option<int>(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => defaultValue,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!int.TryParse(text, out int value) || value < minimum)
                {
                    result.AddError($"{name} {text}: a whole number from {minimum} on was expected.");
                }

                return value;
            },
        };
    }

    /// <summary>Fails where there is neither a file nor a folder at <paramref name="path"/>.</summary>
    protected static void RequireExisting(string path)
    {
        if (!Path.Exists(path))
        {
            throw new FileNotFoundException($"{path}: no such file or folder.", path);
        }
    }
}
