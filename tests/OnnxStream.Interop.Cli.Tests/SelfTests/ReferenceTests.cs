using OnnxStream.Interop.Cli.SelfTests;

namespace OnnxStream.Interop.Cli.Tests.SelfTests;

/// <summary>The references against numbers that were worked out by hand or are in tables.</summary>
internal sealed class ReferenceTests
{
    [Test]
    public void Convolution_adds_what_lies_under_the_kernel() =>
        Assert.That(
            Reference.Convolution([1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 0, 1, 1, 1, 0, 1, 0], [0.5], [1, 1, 1, 3, 3], [1, 1, 1, 3, 3], 1, 1, 1),
            Is.EqualTo((double[])[7.5, 11.5, 11.5, 17.5, 25.5, 23.5, 19.5, 29.5, 23.5]));

    [Test]
    public void Groups_do_not_see_each_other() =>
        Assert.That(Reference.Convolution([1, 10], [2, 3], [0, 0], [1, 2, 1, 1, 1], [2, 1, 1, 1, 1], 1, 0, 2), Is.EqualTo((double[])[2, 30]));

    [Test]
    public void Deconvolution_puts_a_kernel_for_each_pixel() =>
        Assert.That(Reference.Deconvolution([1, 2], [1, 10, 100, 1000], 1, 1, 2, 1, 2, 2), Is.EqualTo((double[])[1, 10, 2, 20, 100, 1000, 200, 2000]));

    [Test]
    public void Matrices_are_multiplied() =>
        Assert.That(Reference.MatMul([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], 1, 2, 3, 2), Is.EqualTo((double[])[22, 28, 49, 64]));

    [Test]
    public void Attention_to_equal_keys_is_the_mean() =>
        Assert.That(Reference.Attention([1, 1], [1, 1, 1, 1], [1, 2, 3, 4], 1, 1, 2, 2), Is.EqualTo((double[])[2, 3]).Within(1e-12));

    [Test]
    public void The_error_function_is_that_of_tables()
    {
        Assert.That(Reference.Erf(0.5), Is.EqualTo(0.5204998778).Within(1e-10));
        Assert.That(Reference.Erf(-1), Is.EqualTo(-0.8427007929).Within(1e-10));
        Assert.That(Reference.Erf(3), Is.EqualTo(0.9999779095).Within(1e-10));
    }

    [Test]
    public void Images_are_resized()
    {
        Assert.That(Reference.ResizeBilinear([0, 4], 1, 1, 2, 2), Is.EqualTo((double[])[0, 1, 3, 4, 0, 1, 3, 4]));
        Assert.That(Reference.ResizeNearest([1, 2], 1, 1, 2, 2), Is.EqualTo((double[])[1, 1, 2, 2, 1, 1, 2, 2]));
    }

    [Test]
    public void Windows_are_pooled() =>
        Assert.That(Reference.Pool([1, 2, 3, 4, 5, 6, 7, 8, 9], 1, 3, 3, 2, 1, Enumerable.Max), Is.EqualTo((double[])[5, 6, 8, 9]));

    [Test]
    public void A_row_is_normalized() =>
        Assert.That(Reference.Normalize([1, 3], 0), Is.EqualTo((double[])[-1, 1]));

    [Test]
    public void A_cell_without_recurrence_is_its_gates()
    {
        // All weights 1 and the input 0.5: input, output and forget gate are sigmoid(0.5), the cell is sigmoid * tanh.
        double gate = 1 / (1 + Math.Exp(-0.5));
        Assert.That(Reference.Lstm([0.5], [1, 1, 1, 1], [0, 0, 0, 0], 1, 1, 1), Is.EqualTo((double[])[gate * Math.Tanh(gate * Math.Tanh(0.5))]).Within(1e-12));
    }
}
