using CsCheck;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class PaddedConvolutionKernelTests
{
    // All that attributes of three-dimensional convolutions can say.
    [Test]
    public void RandomGeometries() =>
        Gen.Int[0, int.MaxValue].Sample(
            seed =>
            {
                Random random = new(seed);
                int[] kernel = [random.Next(1, 4), random.Next(1, 4), random.Next(1, 5)];
                int[] strides = [random.Next(1, 3), random.Next(1, 3), random.Next(1, 4)];
                int[] dilations = random.Next(3) == 0 ? [random.Next(1, 3), random.Next(1, 3), random.Next(1, 4)] : [1, 1, 1];
                int[] pads = [.. Enumerable.Range(0, 6).Select(_ => random.Next(3) == 0 ? random.Next(3) : 0)];
                int groups = random.Next(1, 4);
                int perGroup = random.Next(1, 4);
                int outputs = groups * random.Next(1, 7);
                long[] shape = [random.Next(1, 3), groups * perGroup, .. Enumerable.Range(0, 3).Select(i => (kernel[i] - 1L) * dilations[i] + random.Next(1, i == 2 ? 40 : 5))];
                OperatorTester tester = new OperatorTester("Conv", 11) { Tolerance = 1e-4 }.Input(TestTensors.Floats(seed, shape)).Input(TestTensors.Floats(seed + 1, outputs, perGroup, kernel[0], kernel[1], kernel[2]));
                if (random.Next(2) == 0)
                {
                    tester.Input(TestTensors.Floats(seed + 2, outputs));
                }

                tester.Attribute("strides", strides).Attribute("dilations", dilations).Attribute("pads", pads).Attribute("group", groups).Check(constantsToo: false);
            },
            iter: 150, threads: 1);

    // Enough work for several threads, in rows around the widths of vectors.
    [Test]
    public void Threads([Values(7, 8, 15, 16, 17, 33)] long width) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 2, 8, 5, 9, width)).Input(TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 13, 8, 3, 3, 3)).Attribute("pads", new[] { 1, 1, 1, 1, 1, 1 }).Check(constantsToo: false);

    // The padded copy would be far larger than the tensors: the direct kernel convolves.
    [Test]
    public void MuchPadding() =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 1, 2, 3, 4, 5)).Input(TestTensors.Floats(2, 2, 2, 2, 2, 2)).Attribute("pads", new[] { 40, 40, 40, 40, 40, 40 }).Attribute("strides", new[] { 30, 30, 30 }).Check(constantsToo: false);

    [Test]
    public void Precisions([Values(ElementType.Float64, ElementType.Float16)] ElementType type, [Values(1, 2)] int stride)
    {
        TensorBuffer Convolve(ElementType precision) =>
            new OperatorTester("Conv", 11).Input(TestTensors.Rounded(precision, 1, 2, 3, 5, 6, 19)).Input(TestTensors.Rounded(precision, 2, 5, 3, 2, 3, 3)).Input(TestTensors.Rounded(precision, 3, 5)).Attribute("strides", new[] { 1, 1, stride })
                .Attribute("pads", new[] { 1, 0, 1, 0, 1, 1 }).Output(precision).Run();

        TestTensors.AssertNumbersClose(Convolve(type), TestTensors.ToDoubles(Convolve(ElementType.Float32)), type == ElementType.Float64 ? 1e-4 : 5e-3, "Conv");
    }
}
