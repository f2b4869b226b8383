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

    // So many elements that threads share them. Of equal tuples, the last one counts.
    [Test]
    public void SharedByThreads([Values(1, 2)] int length, [Values(ElementType.Float32, ElementType.Int64, ElementType.UInt8)] ElementType type)
    {
        const int Rows = 1500, Columns = 400, Updates = 5000;
        TensorBuffer data = TestTensors.Random(type, 1, 0, 100, Rows, Columns);
        Random random = new(2);
        long[] tuples = [.. Enumerable.Range(0, Updates * length).Select(i => (long)random.Next(i % length == 0 ? -Rows : -Columns, i % length == 0 ? Rows : Columns))];
        TensorBuffer updates = TestTensors.Random(type, 3, 0, 100, length == 2 ? [Updates] : [Updates, Columns]);
        new OperatorTester("ScatterND", 18).Input(data).Input(TensorBuffer.Create<long>(tuples, Updates, length)).Input(updates).Output(type).CheckAgainst(inputs =>
        {
            double[] numbers = TestTensors.ToDoubles(inputs[0]);
            double[] changes = TestTensors.ToDoubles(inputs[2]);
            for (int i = 0; i < Updates; i++)
            {
                long row = (tuples[i * length] + Rows) % Rows;
                if (length == 1)
                {
                    changes.AsSpan(i * Columns, Columns).CopyTo(numbers.AsSpan((int)row * Columns));
                }
                else
                {
                    numbers[row * Columns + (tuples[i * length + 1] + Columns) % Columns] = changes[i];
                }
            }

            return [TestTensors.FromDoubles(type, numbers, Rows, Columns)];
        });
    }

    [Test]
    public void IndexOutside([Values(0, 1, 6)] int tuple, [Values(0, 1, 2)] int place, [Values(long.MinValue, -5, 4, long.MaxValue)] long index)
    {
        TensorBuffer indices = TestTensors.Random(ElementType.Int64, 1, 0, 3, 7, 3);
        indices.Span<long>()[tuple * 3 + place] = index;
        new OperatorTester("ScatterND", 18).Input(TestTensors.Floats(1, 4, 4, 4)).Input(indices).Input(TestTensors.Floats(2, 7)).Fails<InvalidInputException>();
    }
}
