namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ScatterNDTests
{
    private static readonly string[] s_reductions = ["none", "add", "mul", "max", "min"];

    [Test]
    public void TupleLengths([Values(1, 2, 3)] int length, [ValueSource(nameof(s_reductions))] string reduction)
    {
        // Different tuples: with equal ones, ONNX Runtime's threads decide which update comes last.
        long[] tuples = [0, 1, 2, -1, 0, 4, 2, 2, -2];
        long[] updates = [3, .. new long[] { 3, 5 }[(length - 1)..]];
        TensorBuffer indices = TensorBuffer.Create<long>([.. tuples.Chunk(3).SelectMany(tuple => tuple[..length])], 3, length);
        new OperatorTester("ScatterND", 18).Input(TestTensors.Floats(1, 4, 3, 5)).Input(indices).Input(TestTensors.Floats(3, updates)).Attribute("reduction", reduction).Check();
    }

    [Test]
    public void OldOperatorSets([Values(11, 13, 16)] int operatorSet) =>
        new OperatorTester("ScatterND", operatorSet).Input(TestTensors.Random(ElementType.Int64, 1, -9, 9, 8)).Input(TensorBuffer.Create<long>([4, 3, 1, 7], 4, 1)).Input(TestTensors.Random(ElementType.Int64, 2, 10, 19, 4)).Output(ElementType.Int64).Check();

    [Test]
    public void NothingToChange() =>
        new OperatorTester("ScatterND", 18).Input(TestTensors.Floats(1, 5, 4)).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, 0, 1)).Input(TestTensors.Floats(3, 0, 4)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        OperatorTester Tester(TensorBuffer indices, TensorBuffer updates) => new OperatorTester("ScatterND", 18).Input(TestTensors.Floats(1, 3, 2)).Input(indices).Input(updates);
        TensorBuffer zeros = TestTensors.Random(ElementType.Int64, 1, 0, 0, 4, 1);
        Tester(zeros, TestTensors.Floats(1, 4)).Fails<InvalidGraphException>();
        Tester(zeros, TestTensors.Random(ElementType.Int64, 1, 0, 0, 4, 2)).Fails<InvalidGraphException>();
        Tester(TestTensors.Random(ElementType.Int64, 1, 0, 0, 4, 3), TestTensors.Floats(1, 4)).Fails<InvalidGraphException>();
        Tester(zeros, TestTensors.Floats(1, 4, 2)).Attribute("reduction", "sub").Fails<InvalidGraphException>();
        Tester(TensorBuffer.Create<long>([3], 1, 1), TestTensors.Floats(1, 1, 2)).Fails<InvalidInputException>();
    }
}
