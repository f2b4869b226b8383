namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class GatedRelativePositionBiasTests
{
    private const int Items = 2;
    private const int Heads = 3;
    private const int Length = 4;
    private const int Size = 5;
    private const int Width = 6;

    [Test]
    public void Gates() => Make(TestTensors.Floats(1, Items, Length, Heads * Size), null).CheckAgainst(inputs => [Compute([.. inputs.Select(TestTensors.ToDoubles)])]);

    [Test]
    public void PackedTokens()
    {
        TensorBuffer tokens = TestTensors.Floats(1, 7, Heads * Size);
        Make(tokens, TensorBuffer.Create<int>([0, 1, 2, 3, 4, 5, 6, 7], 2, 4)).CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];

            // A token of padding is nothing, before its bias is added or after: its row is not used.
            double[] bias = numbers[1];
            numbers[0] = [.. numbers[0], .. bias.Select(number => -number)];
            return [Compute(numbers)];
        });
    }

    [Test]
    public void WrongShapes() => Make(TestTensors.Floats(1, Items, Length + 1, Heads * Size), null).Fails<InvalidGraphException>();

    private static OperatorTester Make(TensorBuffer query, TensorBuffer? offsets)
    {
        OperatorTester tester = new OperatorTester("GatedRelativePositionBias", 17, "com.microsoft").Input(query).Input(TestTensors.Floats(2, Heads * Size)).Input(TestTensors.Floats(3, 1, Heads, Length, Length)).Input(TestTensors.Floats(4, Size, Width)).Input(TestTensors.Floats(5, Width)).Input(TestTensors.Floats(6, 1, Heads, 1, 1));
        return (offsets is null ? tester : tester.Input(offsets)).Attribute("num_heads", Heads);
    }

    private static TensorBuffer Compute(double[][] inputs)
    {
        double[] result = new double[Items * Heads * Length * Length];
        for (int i = 0; i < result.Length; i++)
        {
            (int item, int head, int row) = (i / (Heads * Length * Length), i / (Length * Length) % Heads, i / Length % Length);
            double[] sums = new double[2];
            for (int column = 0; column < Width; column++)
            {
                double product = inputs[4][column];
                for (int k = 0; k < Size; k++)
                {
                    product += (inputs[0][(item * Length + row) * Heads * Size + head * Size + k] + inputs[1][head * Size + k]) * inputs[3][k * Width + column];
                }

                sums[column / (Width / 2)] += product;
            }

            double[] gates = [.. sums.Select(sum => 1 / (1 + Math.Exp(-sum)))];
            result[i] = (gates[0] * (gates[1] * inputs[5][head] - 1) + 2) * inputs[2][i % (Heads * Length * Length)];
        }

        return TestTensors.FromDoubles(ElementType.Float32, result, Items, Heads, Length, Length);
    }
}
