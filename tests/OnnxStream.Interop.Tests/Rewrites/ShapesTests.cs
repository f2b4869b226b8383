namespace OnnxStream.Interop.Tests.Rewrites;

/// <summary>Shapes at the edges: ranks from 0 to 8, dimensions of zero, scalars, batches. Every family of operators, against ONNX Runtime.</summary>
[NativeMemoryLeakCheck]
public class ShapesTests
{
    private static readonly long[] s_dimensions = [2, 3, 1, 2, 3, 2, 1, 2];

    private static IEnumerable<TestCaseData> OfEveryRank()
    {
        for (int rank = 0; rank <= 8; rank++)
        {
            long[] shape = s_dimensions[..rank];
            long[] reversed = [.. Enumerable.Range(0, rank).Reverse().Select(axis => (long)axis)];
            long[] ones = [.. shape.Select(_ => 1L)];
            int last = rank - 1;
            yield return Case("Add", new OperatorTester("Add").Input(Floats(1)).Input(TestTensors.Floats(2)));
            yield return Case("Add broadcast", new OperatorTester("Add").Input(Floats(1)).Input(TestTensors.Floats(2, [.. shape.Select((d, i) => i % 2 == 0 ? d : 1)])));
            yield return Case("Mul of fewer", new OperatorTester("Mul").Input(Floats(1)).Input(TestTensors.Floats(2, shape[(rank / 2)..])));
            yield return Case("Add of integers", new OperatorTester("Add").Input(TestTensors.Random(ElementType.Int64, 1, -9, 9, shape)).Input(TestTensors.Random(ElementType.Int64, 2, -9, 9, ones)).Output(ElementType.Int64));
            yield return Case("Less", new OperatorTester("Less").Input(Floats(1)).Input(Floats(2)).Output(ElementType.Bool));
            yield return Case("Where", new OperatorTester("Where").Input(TestTensors.Random(ElementType.Bool, 1, 0, 1, ones)).Input(Floats(1)).Input(TestTensors.Floats(2)));
            yield return Case("Exp", new OperatorTester("Exp").Input(Floats(1)));
            yield return Case("Relu", new OperatorTester("Relu").Input(Floats(1)));
            yield return Case("Cast", new OperatorTester("Cast").Input(Floats(1)).Attribute("to", (int)ElementType.Int32).Output(ElementType.Int32));
            yield return Case("Transpose", new OperatorTester("Transpose").Input(Floats(1)).Attribute("perm", reversed));
            yield return Case("Reshape", new OperatorTester("Reshape").Input(Floats(1)).Constant(TestTensors.Integers(-1)));
            yield return Case("Unsqueeze", new OperatorTester("Unsqueeze").Input(Floats(1)).Constant(TestTensors.Integers(0)));
            yield return Case("Squeeze", new OperatorTester("Squeeze").Input(Floats(1)));
            yield return Case("Flatten", new OperatorTester("Flatten").Input(Floats(1)).Attribute("axis", rank / 2));
            yield return Case("Expand", new OperatorTester("Expand").Input(TestTensors.Floats(1, ones)).Constant(TestTensors.Integers(shape)));
            yield return Case("Tile", new OperatorTester("Tile").Input(Floats(1)).Constant(TestTensors.Integers([.. shape.Select(d => d % 2 + 1)])));
            yield return Case("Shape", new OperatorTester("Shape").Input(Floats(1)).Output(ElementType.Int64));
            yield return Case("ReduceSum of all", new OperatorTester("ReduceSum").Input(Floats(1)).Attribute("keepdims", 0));
            yield return Case("Softplus", new OperatorTester("Softplus").Input(Floats(1)));
            yield return Case("Identity", new OperatorTester("Identity").Input(Floats(1)));
            if (rank == 0)
            {
                continue;
            }

            yield return Case("ReduceMean of some", new OperatorTester("ReduceMean").Input(Floats(1)).Attribute("axes", Enumerable.Range(0, rank).Where(axis => axis % 2 == 0).Select(axis => (long)axis).ToArray()));
            yield return Case("ReduceMax of the middle", new OperatorTester("ReduceMax").Input(Floats(1)).Attribute("axes", new[] { rank / 2 }));
            yield return Case("Softmax", new OperatorTester("Softmax").Input(Floats(1)).Attribute("axis", rank / 2));
            yield return Case("ArgMax", new OperatorTester("ArgMax").Input(Floats(1)).Attribute("axis", 0).Output(ElementType.Int64));
            yield return Case("Concat", new OperatorTester("Concat").Input(Floats(1)).Input(Floats(2)).Attribute("axis", last));
            yield return Case("Split", new OperatorTester("Split").Input(Floats(1)).Constant(TestTensors.Integers(1, 1)).Attribute("axis", 0).Output(ElementType.Float32).Output(ElementType.Float32));
            yield return Case("Slice", new OperatorTester("Slice").Input(Floats(1)).Constant(TestTensors.Integers([.. shape.Select(_ => -1L)])).Constant(TestTensors.Integers([.. shape.Select(_ => long.MinValue)])).Constant(TestTensors.Integers([.. reversed])).Constant(TestTensors.Integers([.. shape.Select(_ => -1L)])));
            yield return Case("Gather", new OperatorTester("Gather").Input(Floats(1)).Constant(TestTensors.Integers(-1, 0)).Attribute("axis", rank / 2));
            yield return Case("Pad", new OperatorTester("Pad").Input(Floats(1)).Constant(TestTensors.Integers([.. shape.Select((_, i) => (long)(i % 2)), .. shape.Select((_, i) => (long)((i + 1) % 2))])));
            yield return Case("CumSum", new OperatorTester("CumSum").Input(Floats(1)).Constant(TensorBuffer.Create([(long)last])));
            yield return Case("TopK", new OperatorTester("TopK").Input(Floats(1)).Constant(TestTensors.Integers(1)).Attribute("axis", rank / 2).Output(ElementType.Float32).Output(ElementType.Int64));
            yield return Case("LayerNormalization", new OperatorTester("LayerNormalization").Input(Floats(1)).Constant(TestTensors.Floats(2, shape[^1])));
            yield return Case("NonZero", new OperatorTester("NonZero").Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, shape)).Output(ElementType.Int64));
            if (rank >= 2)
            {
                yield return Case("MatMul", new OperatorTester("MatMul").Input(Floats(1)).Input(TestTensors.Floats(2, [.. ones[..^2], shape[^1], 4])));
                yield return Case("MatMul of batches", new OperatorTester("MatMul").Input(Floats(1)).Input(TestTensors.Floats(2, [.. shape[..^2], shape[^1], 4])));
            }

            TensorBuffer Floats(int seed) => TestTensors.Floats(seed, shape);
        }

        // A local of the loop cannot be captured by a local function that is declared in front of it.
        static TestCaseData Case(string name, OperatorTester tester) => new TestCaseData(tester).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(OfEveryRank))]
    public void Ranks(object tester) => ((OperatorTester)tester).Check(constantsToo: false);

    private static IEnumerable<TestCaseData> WithNothing()
    {
        // One dimension of zero, in each place.
        foreach (long[] shape in (long[][])[[0], [0, 3], [3, 0], [2, 0, 3], [0, 0]])
        {
            string text = $"[{string.Join(',', shape)}]";
            yield return Case("Add", new OperatorTester("Add").Input(Floats(1)).Input(Floats(2)));
            yield return Case("Add broadcast", new OperatorTester("Add").Input(Floats(1)).Input(TestTensors.Floats(2, [.. shape.Select(_ => 1L)])));
            yield return Case("Div of integers", new OperatorTester("Div").Input(TestTensors.Random(ElementType.Int32, 1, 1, 2, shape)).Input(TestTensors.Random(ElementType.Int32, 1, 1, 2, shape)).Output(ElementType.Int32));
            yield return Case("Exp", new OperatorTester("Exp").Input(Floats(1)));
            yield return Case("Relu", new OperatorTester("Relu").Input(Floats(1)));
            yield return Case("Clip", new OperatorTester("Clip").Input(Floats(1)).Constant(TestTensors.Floats(2)));
            yield return Case("Cast", new OperatorTester("Cast").Input(Floats(1)).Attribute("to", (int)ElementType.Int64).Output(ElementType.Int64));
            yield return Case("Equal", new OperatorTester("Equal").Input(Floats(1)).Input(Floats(2)).Output(ElementType.Bool));
            yield return Case("Where", new OperatorTester("Where").Input(TestTensors.Random(ElementType.Bool, 1, 0, 1, shape)).Input(Floats(1)).Input(Floats(2)));
            yield return Case("Transpose", new OperatorTester("Transpose").Input(Floats(1)));
            yield return Case("Concat", new OperatorTester("Concat").Input(Floats(1)).Input(Floats(2)).Input(TestTensors.Floats(3, [2, .. shape[1..]])).Attribute("axis", 0));
            yield return Case("Slice", new OperatorTester("Slice").Input(Floats(1)).Constant(TestTensors.Integers(1)).Constant(TestTensors.Integers(9)));
            yield return Case("Tile", new OperatorTester("Tile").Input(Floats(1)).Constant(TestTensors.Integers([.. shape.Select(_ => 2L)])));
            yield return Case("Tile by nothing", new OperatorTester("Tile").Input(TestTensors.Floats(1, [.. shape.Select(_ => 2L)])).Constant(TestTensors.Integers(shape)));
            yield return Case("Expand", new OperatorTester("Expand").Input(TestTensors.Floats(1, [.. shape.Select(_ => 1L)])).Constant(TestTensors.Integers(shape)));
            yield return Case("Reshape", new OperatorTester("Reshape").Input(Floats(1)).Constant(TestTensors.Integers(0, 7)).Attribute("allowzero", 1));
            yield return Case("Gather", new OperatorTester("Gather").Input(TestTensors.Floats(1, 4, 3)).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, shape)));
            yield return Case("Pad", new OperatorTester("Pad").Input(Floats(1)).Constant(TestTensors.Integers([.. shape.Select(_ => 1L), .. shape.Select(_ => 0L)])));
            yield return Case("ReduceSum", new OperatorTester("ReduceSum").Input(Floats(1)).Attribute("keepdims", 0));
            yield return Case("ReduceSum of the first", new OperatorTester("ReduceSum").Input(Floats(1)).Constant(TestTensors.Integers(0)));
            yield return Case("ReduceProd", new OperatorTester("ReduceProd").Input(Floats(1)).Attribute("axes", new[] { 0 }));
            yield return Case("Softmax", new OperatorTester("Softmax").Input(Floats(1)).Attribute("axis", shape.Length - 1));
            yield return Case("NonZero", new OperatorTester("NonZero").Input(Floats(1)).Output(ElementType.Int64));
            yield return Case("Size", new OperatorTester("Size").Input(Floats(1)).Output(ElementType.Int64));
            yield return Case("Flatten", new OperatorTester("Flatten").Input(Floats(1)));
            yield return Case("CumSum", new OperatorTester("CumSum").Input(Floats(1)).Constant(TensorBuffer.Create([0L])));

            TensorBuffer Floats(int seed) => TestTensors.Floats(seed, shape);

            TestCaseData Case(string name, OperatorTester tester) => new TestCaseData(tester).SetArgDisplayNames($"{name} {text}");
        }

        yield return One("MatMul over nothing", new OperatorTester("MatMul").Input(TestTensors.Floats(1, 2, 0)).Input(TestTensors.Floats(2, 0, 3)));
        yield return One("MatMul over nothing, in batches", new OperatorTester("MatMul").Input(TestTensors.Floats(1, 2, 2, 0)).Input(TestTensors.Floats(2, 2, 0, 3)));
        yield return One("MatMul without rows", new OperatorTester("MatMul").Input(TestTensors.Floats(1, 0, 4)).Input(TestTensors.Floats(2, 4, 3)));
        yield return One("MatMul without columns", new OperatorTester("MatMul").Input(TestTensors.Floats(1, 2, 4)).Input(TestTensors.Floats(2, 4, 0)));
        yield return One("MatMul without batch", new OperatorTester("MatMul").Input(TestTensors.Floats(1, 0, 2, 4)).Input(TestTensors.Floats(2, 4, 3)));
        yield return One("Gemm over nothing", new OperatorTester("Gemm").Input(TestTensors.Floats(1, 2, 0)).Input(TestTensors.Floats(2, 0, 3)).Input(TestTensors.Floats(3, 3)));
        yield return One("Gemm without rows", new OperatorTester("Gemm").Input(TestTensors.Floats(1, 0, 4)).Input(TestTensors.Floats(2, 3, 4)).Attribute("transB", 1));
        yield return One("Conv without batch", new OperatorTester("Conv").Input(TestTensors.Floats(1, 0, 3, 8, 8)).Input(TestTensors.Floats(2, 4, 3, 3, 3)));
        yield return One("MaxPool without batch", new OperatorTester("MaxPool").Input(TestTensors.Floats(1, 0, 3, 8, 8)).Attribute("kernel_shape", new[] { 2, 2 }));
        yield return One("GlobalAveragePool without batch", new OperatorTester("GlobalAveragePool").Input(TestTensors.Floats(1, 0, 3, 8, 8)));
        yield return One("BatchNormalization without batch", new OperatorTester("BatchNormalization").Input(TestTensors.Floats(1, 0, 2, 3, 3)).Input(TestTensors.Floats(2, 2)).Input(TestTensors.Floats(3, 2)).Input(TestTensors.Floats(4, 2)).Input(TestTensors.Random(ElementType.Float32, 5, 1, 2, 2)));
        yield return One("LayerNormalization without rows", new OperatorTester("LayerNormalization").Input(TestTensors.Floats(1, 0, 4)).Input(TestTensors.Floats(2, 4)));
        yield return One("Resize without batch", new OperatorTester("Resize").Input(TestTensors.Floats(1, 0, 1, 4, 4)).Input(null).Constant(TensorBuffer.Create<float>([1, 1, 2, 2], 4)));
        yield return One("TopK of nothing", new OperatorTester("TopK").Input(TestTensors.Floats(1, 0, 4)).Constant(TestTensors.Integers(2)).Output(ElementType.Float32).Output(ElementType.Int64));
        yield return One("TopK of which nothing is asked", new OperatorTester("TopK").Input(TestTensors.Floats(1, 3, 4)).Constant(TestTensors.Integers(0)).Output(ElementType.Float32).Output(ElementType.Int64));
        yield return One("NonMaxSuppression of no boxes", new OperatorTester("NonMaxSuppression").Input(TestTensors.Floats(1, 1, 0, 4)).Input(TestTensors.Floats(2, 1, 1, 0)).Constant(TestTensors.Integers(5)).Output(ElementType.Int64));
        yield return One("ScatterND of nothing", new OperatorTester("ScatterND").Input(TestTensors.Floats(1, 4, 3)).Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, 0, 1)).Input(TestTensors.Floats(2, 0, 3)));
        yield return One("OneHot of nothing", new OperatorTester("OneHot").Input(TestTensors.Random(ElementType.Int64, 1, 0, 1, 0)).Constant(TensorBuffer.Create([3L])).Constant(TestTensors.Floats(1, 2)));
        yield return One("Range of nothing", new OperatorTester("Range").Constant(TensorBuffer.Create([3L])).Constant(TensorBuffer.Create([3L])).Constant(TensorBuffer.Create([1L])).Output(ElementType.Int64));
        yield return One("Split with an empty part", new OperatorTester("Split").Input(TestTensors.Floats(1, 3, 2)).Constant(TestTensors.Integers(0, 3)).Output(ElementType.Float32).Output(ElementType.Float32));

        static TestCaseData One(string name, OperatorTester tester) => new TestCaseData(tester).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(WithNothing))]
    public void Zeros(object tester) => ((OperatorTester)tester).Check();
}
