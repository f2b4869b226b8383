namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only. With the angles of each pair chosen beforehand it is RotaryEmbedding.
[NativeMemoryLeakCheck]
public class MultiAxisRotaryEmbeddingTests
{
    [Test]
    public void Sections([Values(0, 1)] int layout, [Values(0, 1)] int interleaved, [Values] bool isFlat, [Values("2,3,3", "8,0,0", "4,2,2")] string sections)
    {
        long[] widths = [.. sections.Split(',').Select(long.Parse)];
        TensorBuffer cosines = TestTensors.Floats(2, 9, 8);
        TensorBuffer sines = TestTensors.Floats(3, 9, 8);
        TensorBuffer positions = TestTensors.Random(ElementType.Int64, 4, 0, 8, 3, 2, 5);
        TensorBuffer input = isFlat ? TestTensors.Floats(1, 2, 5, 3 * 16) : TestTensors.Floats(1, 2, 3, 5, 16);
        new OperatorTester("MRotaryEmbedding", 17, "com.microsoft").Input(input).Input(positions).Input(cosines).Input(sines).Attribute("interleaved", interleaved).Attribute("mrope_layout", layout).Attribute("mrope_section", widths).CheckAgainst(_ =>
        {
            // A row of angles for each token, numbered in order.
            OperatorTester plain = new OperatorTester("RotaryEmbedding", 17, "com.microsoft").Input(input).Input(TestTensors.FromDoubles(ElementType.Int64, [.. Enumerable.Range(0, 10).Select(i => (double)i)], 2, 5)).Input(Chosen(cosines)).Input(Chosen(sines)).Attribute("interleaved", interleaved);
            return [Oracle.Run(plain.BuildModel(asConstants: true), new Dictionary<string, TensorBuffer>())["o0"]];
        });

        TensorBuffer Chosen(TensorBuffer table)
        {
            double[] numbers = TestTensors.ToDoubles(table);
            return TestTensors.FromDoubles(ElementType.Float32, [.. from token in Enumerable.Range(0, 10) from pair in Enumerable.Range(0, 8) select numbers[positions.Span<long>()[Axis(pair) * 10 + token] * 8 + pair]], 10, 8);
        }

        int Axis(int pair) => layout == 0 ? pair < widths[0] ? 0 : pair < widths[0] + widths[1] ? 1 : 2 : pair % 3 == 1 && pair < 3 * widths[1] ? 1 : pair % 3 == 2 && pair < 3 * widths[2] ? 2 : 0;
    }

    [Test]
    public void WrongSections() =>
        new OperatorTester("MRotaryEmbedding", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 5, 16)).Input(TestTensors.Random(ElementType.Int64, 4, 0, 8, 3, 2, 5)).Input(TestTensors.Floats(2, 9, 8)).Input(TestTensors.Floats(3, 9, 8)).Attribute("mrope_section", (long[])[2, 3, 4]).Fails<InvalidGraphException>();
}
