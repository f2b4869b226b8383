namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FusePaddingTests
{
    private static readonly long[] s_pads = [0, 0, 1, 2, 0, 0, 3, 0];

    private static PassTester Image(int operatorSet = 17) => new PassTester(operatorSet).Input("x", TestTensors.Floats(1, 2, 5, 9, 8)).Constant("w", TestTensors.Floats(2, 4, 5, 3, 3)).Scalar("zero", 0).Scalar("one", 1);

    [Test]
    public void Convolution([Values] bool hasOwn)
    {
        (string, object)[] attributes = hasOwn ? [("pads", new[] { 1, 1, 0, 2 }), ("strides", new[] { 2, 1 })] : [];
        Image().Integers("pads", s_pads).Node("Pad", "x pads", "p").Node("Conv", "p w", "y", attributes).Output("y").Has(0, "Pad").Check();
    }

    [Test]
    public void OldConvolution() => Image(operatorSet: 9).Node("Pad", "x", "p", ("pads", s_pads)).Node("Conv", "p w", "y").Output("y").Has(0, "Pad").Check();

    // As torch exports avg_pool2d(x, 3, 1, 1).
    [Test]
    public void AveragePooling([Values] bool counts) =>
        Image().Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1).Node("Pad", "x pads zero", "p")
            .Node("AveragePool", "p", "y", ("kernel_shape", new[] { 3, 3 }), ("count_include_pad", counts ? 1 : 0)).Output("y").Has(0, "Pad").Check();

    // In a chain of convolutions the pooling then stays channels-last.
    [Test]
    public void StaysChannelsLast() =>
        Image().Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1).Constant("v", TestTensors.Floats(3, 6, 4, 1, 1)).Node("Conv", "x w", "a").Node("Pad", "a pads zero", "p")
            .Node("AveragePool", "p", "q", ("kernel_shape", new[] { 3, 3 })).Node("Conv", "q v", "y").Output("y").Becomes("2 Transpose, 1 onnxstream.AveragePool, 2 onnxstream.Conv").Check();

    [Test]
    public void OtherValue() => Image().Integers("pads", s_pads).Node("Pad", "x pads one", "p").Node("Conv", "p w", "y").Output("y").Has(1, "Pad").Check();

    [Test]
    public void OtherMode() => Image().Integers("pads", s_pads).Node("Pad", "x pads", "p", ("mode", "edge")).Node("Conv", "p w", "y").Output("y").Has(1, "Pad").Check();

    [Test]
    public void Channels() => Image().Integers("pads", 0, 1, 0, 0, 0, 0, 0, 0).Constant("v", TestTensors.Floats(2, 4, 6, 3, 3)).Node("Pad", "x pads", "p").Node("Conv", "p v", "y").Output("y").Has(1, "Pad").Check();

    [Test]
    public void TakesAway() => Image().Integers("pads", 0, 0, -1, 0, 0, 0, 0, -2).Node("Pad", "x pads", "p").Node("Conv", "p w", "y").Output("y").Has(1, "Pad").Check();

    // The maximum of an empty window is not zero; a pooling's own padding does not count; a window may end behind the padding.
    [Test]
    public void PoolingThatSeesTheZerosDifferently()
    {
        Image().Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1).Node("Pad", "x pads", "p").Node("MaxPool", "p", "y", ("kernel_shape", new[] { 3, 3 })).Output("y").Has(1, "Pad").Check();
        Image().Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1).Node("Pad", "x pads", "p").Node("AveragePool", "p", "y", ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 0, 0, 1 })).Output("y").Has(1, "Pad").Check();
        Image().Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1).Node("Pad", "x pads", "p").Node("AveragePool", "p", "y", ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("ceil_mode", 1)).Output("y").Has(1, "Pad").Check();
    }

    [Test]
    public void PaddedImageIsReadElsewhere() => Image().Integers("pads", s_pads).Node("Pad", "x pads", "p").Node("Conv", "p w", "y").Node("Sin", "p", "z").Output("y").Output("z").Has(1, "Pad").Check();
}
