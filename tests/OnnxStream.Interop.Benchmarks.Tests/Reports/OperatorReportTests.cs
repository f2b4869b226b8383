using OnnxStream.Interop.Benchmarks.Operators;
using OnnxStream.Interop.Benchmarks.Reports;

namespace OnnxStream.Interop.Benchmarks.Tests.Reports;

public class OperatorReportTests
{
    [Test]
    public void NodesAboveTheLimitAreListed()
    {
        OperatorCase[] cases = [.. OperatorCase.All.Take(3)];
        OperatorReport report = new(
            new Machine("A processor", 2, 1L << 30, "Linux, X64", ".NET 10", "0.1.0", null), "./build.sh bench operators", 2, 2, new DateOnly(2030, 1, 2),
            [
                new OperatorResult(cases[0], [new OperatorTurn(0.002, 0.001, 0.004), new OperatorTurn(0.001, 0.002, 0.003)], null),
                new OperatorResult(cases[1], [new OperatorTurn(0.001, 0.002, 0.004)], null),
                new OperatorResult(cases[2], [], "ONNX Runtime: a | b"),
            ]);
        string text = report.ToMarkdown();
        Assert.That(text, Does.Contain($"| {cases[0].Name} | 1.000 | 1.000 | 3.000 | 1.00 (1.25) |\n"));
        Assert.That(text, Does.Contain("2 nodes were measured. 1 take at most 1.5 of ONNX Runtime's time, 1 take more:\n"));
        Assert.That(text, Does.Contain($"* {cases[1].Name}: 2.00\n"));
        Assert.That(text, Does.Contain($"| {cases[2].Name} | ONNX Runtime: a \\| b | | | |\n"));
    }
}
