using System.CommandLine;
using System.IO.Enumeration;
using OnnxStream.Interop.Benchmarks.Operators;
using OnnxStream.Interop.Benchmarks.Reports;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>operators</c>: compares single nodes with ONNX Runtime, and writes a table.</summary>
internal sealed class OperatorsCommand : Command
{
    private readonly Option<string> _filter = new("--filter")
    {
        Description = "Which nodes: names or patterns separated by commas, such as 'Reduce*,Softmax *axis=0*'.",
        HelpName = "NAME,...",
        DefaultValueFactory = _ => "*",
    };

    private readonly Option<int> _rounds = ComparisonArguments.Number("--rounds", 15, 1, "How many times each engine has its turn.");
    private readonly Option<int> _threads = ComparisonArguments.Number("--threads", 2, 1, "Threads that compute.");
    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "The folder of the table.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "docs/benchmarks",
    };

    public OperatorsCommand()
        : base("operators", "Compare every elementwise, reduction and movement operator with ONNX Runtime, a million elements each.")
    {
        foreach (Option option in (Option[])[_filter, _rounds, _threads, _output])
        {
            Add(option);
        }

        SetAction((arguments, cancellationToken) =>
        {
            Execute(arguments, cancellationToken);
            return Task.FromResult(0);
        });
    }

    private void Execute(ParseResult arguments, CancellationToken cancellationToken)
    {
        string[] patterns = ComparisonArguments.Names(arguments.GetRequiredValue(_filter));
        List<OperatorCase> cases = [.. OperatorCase.All.Where(item => Array.Exists(patterns, pattern =>
            FileSystemName.MatchesSimpleExpression(pattern, item.Name) || pattern.Equals(item.OperatorType, StringComparison.OrdinalIgnoreCase)))];
        if (cases.Count == 0)
        {
            throw new ArgumentException($"--filter: no node is named '{arguments.GetRequiredValue(_filter)}'.");
        }

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        (int rounds, int threads) = (arguments.GetValue(_rounds), arguments.GetValue(_threads));
        OperatorComparison comparison = new(rounds, threads);
        List<OperatorResult> results = [];
        foreach (OperatorCase item in cases)
        {
            results.Add(comparison.Measure(item, cancellationToken));
            OperatorResult result = results[^1];
            Console.Error.WriteLine($"{(result.Failure is null ? $"{result.BestRatio,6:0.00} ({result.MedianRatio:0.00}) {result.BaselineS * 1000,8:0.000} {result.StepsS * 1000,8:0.000} {result.RunS * 1000,8:0.000} ms" : "     -")}  {item.Name}  {result.Failure}");
        }

        OperatorReport report = new(machine, ComparisonArguments.CommandLine(arguments), rounds, threads, DateOnly.FromDateTime(DateTime.UtcNow), results);
        Console.WriteLine(report.Write(arguments.GetRequiredValue(_output)));
    }
}
