using System.CommandLine;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary>A command that does a ready task: it opens the models of a folder, inside a limit of memory, and has the same options for that.</summary>
internal abstract class TaskCommand : ToolCommand
{
    private const long UnlimitedPanelBytes = 128 << 20;

    // A task opens its models later: their graphs, and what planning leaves behind, were 7 MiB at the most.
    private const long PlanningBytes = 8 << 20;

    private readonly Option<string> _model;

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<string> _panelStore = PanelStoreOption();

    private readonly Option<bool> _json = JsonOption();

    protected TaskCommand(string name, string description, string models)
        : base(name, description) => _model = new Option<string>("--model", "-m")
        {
            Description = models,
            HelpName = "PATH",
            Required = true,
        };

    /// <summary>Adds the options that all tasks have; to be called behind those of the task itself.</summary>
    protected void AddTaskOptions()
    {
        foreach (Option option in (Option[])[_model, _memory, _threads, _weights, _panelStore, _json])
        {
            Add(option);
        }
    }

    /// <summary>The model's file or folder, which is there.</summary>
    protected string ModelPath(ParseResult arguments) => PulledModels.Locate(arguments.GetRequiredValue(_model));

    /// <summary>Whether JSON is asked for.</summary>
    protected bool IsJson(ParseResult arguments) => arguments.GetValue(_json);

    /// <summary>Whether there is a limit of memory.</summary>
    protected bool IsLimited(ParseResult arguments) => arguments.GetValue(_memory) is not null;

    /// <summary>Between two parts of the work: where the tool is not compiled ahead of time, .NET lets garbage grow to the size of the processor's cache before it looks for it.</summary>
    protected void CollectIfLimited(ParseResult arguments)
    {
        if (IsLimited(arguments))
        {
            GC.Collect();
        }
    }

    /// <summary>Does work with sessions that keep the process below the limit, if there is one.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="tensorBytes">What the task holds beside sessions, and has not allocated yet.</param>
    /// <param name="work">The work; it is given the options of sessions, one of which is open at a time.</param>
    /// <exception cref="UsageException">The limit cannot be met.</exception>
    protected T Limit<T>(ParseResult arguments, long tensorBytes, Func<SessionOptions, T> work)
    {
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
        SessionOptions options = new()
        {
            ThreadCount = arguments.GetValue(_threads),
            WeightsProvider = weights,
            PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), "f32"),
        };
        if (arguments.GetValue(_memory) is not { } limit)
        {
            // Models of tasks are small, and run many times: packing their weights again would be a third of the time.
            return work(options with { KeptPanelBytes = UnlimitedPanelBytes });
        }

        ProcessMemory.StaySmall();
        ProcessMemory memory = ProcessMemory.Measure(sessionBytes: 0, tensorBytes + PlanningBytes);

        // What has been read may be more than the limit by itself.
        memory.Check(limit, smallestBudget: 1);
        try
        {
            return work(options with { MemoryBudget = Math.Max(1, memory.BudgetFor(limit)) });
        }
        catch (MemoryBudgetException exception)
        {
            throw memory.TooLittle(limit, exception.SmallestBudgetBytes);
        }
    }
}
