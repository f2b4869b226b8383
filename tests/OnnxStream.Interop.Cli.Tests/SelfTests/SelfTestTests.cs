using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.SelfTests;

internal sealed class SelfTestTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void A_wrong_result_fails_the_family()
    {
        SelfTestResult result = Run(new SelfTestFamily("wrong", [], 0.1, _ => [Doubling(expected: [2, 4.5, 6])]));
        Assert.That(result.Error, Is.EqualTo(0.5 / 4.5).Within(1e-9));
        Assert.That(result.Problem, Is.EqualTo("the error is too large: y[1] = 4, not 4.5"));
    }

    [Test]
    public void The_tolerance_decides()
    {
        SelfTestResult result = Run(new SelfTestFamily("nearly", [], 0.2, _ => [Doubling(expected: [2, 4.5, 6])]));
        Assert.That(result.Problem, Is.Null);
    }

    [Test]
    public void Errors_are_in_parts_of_the_sizes_of_elements()
    {
        SelfTestResult result = Run(new SelfTestFamily("sized", [], 0.01, _ => [Doubling(expected: [2.5, 4, 6.5]) with { Sizes = [[1000, 0, 100]] }]));
        Assert.That(result.Error, Is.EqualTo(0.005).Within(1e-9));
        Assert.That(result.Worst, Is.EqualTo("y[2] = 6, not 6.5"));
        Assert.That(result.Problem, Is.Null);
    }

    [Test]
    public void An_element_without_size_must_be_the_nearest_number()
    {
        SelfTestResult result = Run(new SelfTestFamily("exact", [], 0.01, _ => [Doubling(expected: [2.0000000001, 4, 6.000001]) with { Sizes = [[0, 0, 0]] }]));
        Assert.That(result.Error, Is.EqualTo(double.PositiveInfinity));
        Assert.That(result.Problem, Is.EqualTo("the error is too large: y[2] = 6, not 6.000001"));
    }

    [Test]
    public void Another_kernel_than_the_one_that_is_meant_fails_the_family()
    {
        SelfTestResult result = Run(new SelfTestFamily("other", ["winograd"], 1, _ => [Doubling(expected: [2, 4, 6])]));
        Assert.That(result.Error, Is.Zero);
        Assert.That(result.Problem, Does.StartWith("not used: winograd; used: xnn_binary_"));
    }

    [Test]
    public void A_model_that_cannot_run_fails_the_family()
    {
        SelfTestModel model = new SelfTestModel().Input("x", TensorBuffer.Create<float>([1], 1)).Node("Teleport", ["x"], ["y"]).Output("y");
        SelfTestResult result = Run(new SelfTestFamily("impossible", [], 1, _ => [new SelfTestCase(model, [1])]));
        Assert.That(result.Error, Is.NaN);
        Assert.That(result.Problem, Does.Contain("Teleport"));
    }

    [Test]
    public void Errors_are_absolute_below_1_and_relative_above()
    {
        Assert.That(SelfTest.Error([0.5, 100], [0.6, 101]), Is.EqualTo(0.1).Within(1e-9));
        Assert.That(SelfTest.Error([1, 2], [1]), Is.NaN);
        Assert.That(SelfTest.Error([1, 2], [1, double.NaN]), Is.NaN);
        Assert.That(SelfTest.Error([double.NaN, double.PositiveInfinity], [double.NaN, double.PositiveInfinity]), Is.Zero);
    }

    private static SelfTestCase Doubling(double[] expected) => new(
        new SelfTestModel().Input("x", TensorBuffer.Create<float>([1, 2, 3], 3)).Constant("two", TensorBuffer.Create<float>([2])).Node("Mul", ["x", "two"], ["y"]).Output("y"), expected);

    private SelfTestResult Run(SelfTestFamily family) => SelfTest.Run(family, threads: 1, _folder.Path, CancellationToken.None);
}
