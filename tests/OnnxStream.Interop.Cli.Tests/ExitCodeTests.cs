namespace OnnxStream.Interop.Cli.Tests;

internal sealed class ExitCodeTests
{
    private static IEnumerable<TestCaseData> Exceptions =>
    [
        new(new ModelFormatException("m.onnx", "truncated"), ExitCode.BadInput),
        new(new UnsupportedOperatorException("Foo"), ExitCode.BadInput),
        new(new InvalidInputException("x"), ExitCode.BadInput),
        new(new WeightsException("w"), ExitCode.BadInput),
        new(new MemoryBudgetException(1, 2), ExitCode.BadInput),
        new(new UsageException("x"), ExitCode.BadInput),
        new(new FileNotFoundException(), ExitCode.BadInput),
        new(new DirectoryNotFoundException(), ExitCode.BadInput),
        new(new NativeMemoryException(1), ExitCode.Failure),
        new(new XnnpackException("xnn_run_operator", "xnn_status_invalid_state", ""), ExitCode.Failure),
        new(new IOException("disk full"), ExitCode.Failure),
        new(new UnauthorizedAccessException(), ExitCode.BadInput),
        new(new DllNotFoundException(), ExitCode.Failure),
        new(new InvalidOperationException(), ExitCode.Failure),
        new(new TaskCanceledException(), ExitCode.Cancelled),
    ];

    [TestCaseSource(nameof(Exceptions))]
    public void An_exception_has_an_exit_code(Exception exception, int expected) =>
        Assert.That(ExitCode.Of(exception), Is.EqualTo(expected));
}
