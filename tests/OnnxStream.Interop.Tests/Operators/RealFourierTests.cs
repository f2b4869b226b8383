using System.Numerics;

namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operators on graphics processors only.
[NativeMemoryLeakCheck]
public class RealFourierTests
{
    [TestCase(8)]
    [TestCase(30)]
    public void OneDimension(int length) =>
        new OperatorTester("Rfft", 17, "com.microsoft") { Tolerance = 1e-5 }.Input(TestTensors.Floats(1, 3, length)).Attribute("signal_ndim", 1).CheckAgainst(inputs =>
            [TestTensors.FromDoubles(ElementType.Float32, [.. TestTensors.ToDoubles(inputs[0]).Chunk(length).SelectMany(row => Transform(row).Take(length / 2 + 1).SelectMany(c => new[] { c.Real, c.Imaginary }))], 3, length / 2 + 1, 2)]);

    // What was transformed comes back.
    [Test]
    public void ThereAndBack([Values(1, 2, 3)] int dimensions)
    {
        TensorBuffer x = TestTensors.Floats(1, 2, 4, 6, 8);
        TensorBuffer spectrum = new OperatorTester("Rfft", 17, "com.microsoft").Input(x).Attribute("signal_ndim", dimensions).Run();
        Assert.That(spectrum.Shape, Is.EqualTo(new Shape(2, 4, 6, 5, 2)));
        TestTensors.AssertClose(new OperatorTester("Irfft", 17, "com.microsoft").Input(spectrum).Attribute("signal_ndim", dimensions).Run(), x, 1e-5, "there and back");
    }

    [Test]
    public void TwoDimensions() =>
        new OperatorTester("Rfft", 17, "com.microsoft").Input(TestTensors.Floats(1, 4, 6)).Attribute("signal_ndim", 2).CheckAgainst(inputs =>
        {
            Complex[][] rows = [.. TestTensors.ToDoubles(inputs[0]).Chunk(6).Select(row => Transform(row)[..4])];
            Complex[][] columns = [.. Enumerable.Range(0, 4).Select(column => Transform([.. rows.Select(row => row[column].Real)]).Zip(Transform([.. rows.Select(row => row[column].Imaginary)]), (a, b) => a + Complex.ImaginaryOne * b).ToArray())];
            return [TestTensors.FromDoubles(ElementType.Float32, [.. from row in Enumerable.Range(0, 4) from column in Enumerable.Range(0, 4) from part in Enumerable.Range(0, 2) select part == 0 ? columns[column][row].Real : columns[column][row].Imaginary], 4, 4, 2)];
        });

    [Test]
    public void Refusals()
    {
        new OperatorTester("Rfft", 17, "com.microsoft").Input(TestTensors.Floats(1, 8)).Attribute("signal_ndim", 1).Attribute("normalized", 1).Fails<UnsupportedOperatorException>();
        new OperatorTester("Irfft", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 5)).Attribute("signal_ndim", 1).Fails<InvalidGraphException>();
        new OperatorTester("Rfft", 17, "com.microsoft").Input(TestTensors.Floats(1, 8)).Attribute("signal_ndim", 2).Fails<InvalidGraphException>();
    }

    private static Complex[] Transform(double[] row) =>
        [.. Enumerable.Range(0, row.Length).Select(k => row.Select((x, i) => x * Complex.FromPolarCoordinates(1, -2 * Math.PI * k * i / row.Length)).Aggregate(Complex.Zero, (a, b) => a + b))];
}
