using Spectre.Console;

namespace OnnxStream.Interop.Cli;

/// <summary>The two streams of a command: results go to the one, progress to the other.</summary>
internal sealed class Terminal
{
    // Lines in a pipe are for programs: they are not folded.
    private const int PipeWidth = 1000;
    private const int PipeHeight = 1000;

    private readonly bool _isOutputInteractive;

    public Terminal(TextWriter output, TextWriter error, bool isQuiet)
    {
        Output = output;
        Error = error;
        IsQuiet = isQuiet;
        IsErrorInteractive = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
        _isOutputInteractive = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;
    }

    /// <summary>Results.</summary>
    public TextWriter Output { get; }

    /// <summary>Progress and errors.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether progress is not wanted.</summary>
    public bool IsQuiet { get; }

    /// <summary>Whether a person watches standard error, so that a bar may move there.</summary>
    public bool IsErrorInteractive { get; }

    /// <summary>Writes a table as a result.</summary>
    public void Write(Table table)
    {
        if (_isOutputInteractive)
        {
            CreateConsole(Output, isInteractive: true).Write(table);
            return;
        }

        // Cells are padded to the width of their column, and a table with empty lines: in a file nobody needs that.
        using StringWriter text = new();
        CreateConsole(text, isInteractive: false).Write(table);
        foreach (string line in text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
        {
            Output.WriteLine(line);
        }

        Output.WriteLine();
    }

    /// <summary>Reports what is being done, in one line.</summary>
    public void Report(string line)
    {
        if (IsQuiet)
        {
            return;
        }

        // A bar that is being drawn must know of lines that appear above it.
        if (IsErrorInteractive)
        {
            ErrorConsole.WriteLine(line);
        }
        else
        {
            Error.WriteLine(line);
        }
    }

    /// <summary>A console that draws to standard error.</summary>
    public IAnsiConsole ErrorConsole => field ??= CreateConsole(Error, IsErrorInteractive);

    private static IAnsiConsole CreateConsole(TextWriter writer, bool isInteractive)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isInteractive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isInteractive ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!isInteractive)
        {
            console.Profile.Width = PipeWidth;

            // Nobody asks for it. If it were not known, the console of .NET would be asked, which may not be there.
            console.Profile.Height = PipeHeight;
        }

        return console;
    }
}
