using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Reports;
using OnnxStream.Interop.Benchmarks.Serving;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>serve</c>: what serving costs, by one server and by a fleet, and writes a report.</summary>
internal sealed class ServeCommand : Command
{
    private readonly Option<int> _rounds = ComparisonArguments.Number("--rounds", 7, 1, "How often the command and the server take turns.");

    private readonly Option<int> _requests = ComparisonArguments.Number("--requests", 2000, 1, "The requests behind which it is looked whether something leaked.");

    private readonly Option<int> _jobs = ComparisonArguments.Number("--jobs", 200, 1, "The jobs of the fleet.");

    private readonly Option<int> _kills = ComparisonArguments.Number("--kills", 20, 0, "How often a worker or a server of the queue is killed meanwhile.");

    private readonly Option<int> _seed = ComparisonArguments.Number("--seed", 1, 0, "Decides who is killed, and when.");

    private readonly Option<string> _parts = new("--parts") { Description = "What is measured, separated by commas: server, fleet.", HelpName = "NAME,...", DefaultValueFactory = _ => "server,fleet" };

    private readonly Option<string> _tool = new("--tool") { Description = "The onnxstream tool.", HelpName = "FILE", DefaultValueFactory = _ => "artifacts/bin/onnxstream" };

    private readonly Option<string> _output = new("--output", "-o") { Description = "The folder of the report.", HelpName = "DIR", DefaultValueFactory = _ => "docs/benchmarks" };

    public ServeCommand()
        : base("serve", "Measure the server and a fleet on loopback: overhead, many requests at once, leaks, failures. Needs Linux and nats-server.")
    {
        foreach (Option option in (Option[])[_rounds, _requests, _jobs, _kills, _seed, _parts, _tool, _output])
        {
            Add(option);
        }

        SetAction(async (arguments, cancellationToken) =>
        {
            await ExecuteAsync(arguments, cancellationToken);
            return 0;
        });
    }

    private async Task ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new ArgumentException("bench serve reads what Linux says of processes, and runs there alone.");
        }

        string tool = Path.GetFullPath(arguments.GetRequiredValue(_tool));
        if (!File.Exists(tool))
        {
            throw new FileNotFoundException($"{tool} does not exist. Make it with ./build.sh build.");
        }

        ServeOptions options = new(
            tool,
            Path.GetFullPath("src/OnnxStream.Interop.Diffusion/Models/tiny-shapes"),
            Path.GetFullPath("tests/OnnxStream.Interop.Language.Tests/Models/tiny-f32"),
            arguments.GetValue(_rounds),
            arguments.GetValue(_requests),
            arguments.GetValue(_jobs),
            arguments.GetValue(_kills),
            arguments.GetValue(_seed));
        string[] parts = [.. ComparisonArguments.Names(arguments.GetRequiredValue(_parts))];

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        ServerResults? server = parts.Contains("server") ? await new ServerMeasurement(options, Console.Error.WriteLine).RunAsync(cancellationToken) : null;
        FleetResults? fleet = parts.Contains("fleet") ? await new FleetMeasurement(options, Console.Error.WriteLine).RunAsync(cancellationToken) : null;
        Console.WriteLine(new ServeReport(machine, options, ComparisonArguments.CommandLine(arguments), server, fleet).Write(arguments.GetRequiredValue(_output)));
    }
}
