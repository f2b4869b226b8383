namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class RemovePaddingTests
{
    [TestCase(2, 4, 1)]
    [TestCase(4, 4, 4)]
    [TestCase(0, 3, 0)]
    [TestCase(0, 0, 0)]
    public void Lengths(params int[] lengths) =>
        new OperatorTester("RemovePadding", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 4, 5)).Input(TensorBuffer.Create(lengths, 3)).Output(ElementType.Float32).Output(ElementType.Int32).Output(ElementType.Int32).Output(ElementType.Int32).CheckAgainst(inputs =>
        {
            double[] numbers = TestTensors.ToDoubles(inputs[0]);
            int[] places = [.. lengths.SelectMany((length, item) => Enumerable.Range(item * 4, length))];
            return
            [
                TestTensors.FromDoubles(ElementType.Float32, [.. places.SelectMany(place => numbers[(place * 5)..((place + 1) * 5)])], places.Length, 5),
                TensorBuffer.Create<int>([.. places, .. Enumerable.Range(0, 12).Except(places)], 3, 4),
                TensorBuffer.Create<int>([0, lengths[0], lengths[0] + lengths[1], lengths.Sum()], 4),
                TensorBuffer.Create<int>([lengths.Max()], 1),
            ];
        });

    [Test]
    public void WrongLengths()
    {
        OperatorTester Make(params int[] lengths) => new OperatorTester("RemovePadding", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 4, 5)).Input(TensorBuffer.Create(lengths, lengths.Length)).Output(ElementType.Float32);
        Make(2, 5).Fails<InvalidGraphException>();
        Make(2, -1).Fails<InvalidGraphException>();
        Make(2).Fails<InvalidGraphException>();
    }
}
