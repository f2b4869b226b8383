using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Onnx;

[NativeMemoryLeakCheck]
public class SparseTensorsTests
{
    [Test]
    public void Initializer([Values] bool isFlat, [Values(ElementType.Float32, ElementType.Float16, ElementType.Int64, ElementType.UInt8, ElementType.Bool)] ElementType type, [Values(new long[] { 3, 5 }, new long[] { 60, 70, 8 })] long[] dimensions)
    {
        (SparseTensorProto sparse, TensorBuffer dense) = Tensor("w", type, isFlat, dimensions);
        ModelBuilder builder = new(13);
        builder.Graph.SparseInitializer.Add(sparse);
        builder.Node("Identity", "w", "o").Output("o", type);
        Check(builder, [], dense);
    }

    // Where an engine wants weights: it cannot tell that they were stored like that.
    [Test]
    public void AsAWeight([Values] bool isLarge)
    {
        long rows = isLarge ? 256 : 8;
        (SparseTensorProto sparse, TensorBuffer dense) = Tensor("w", ElementType.Float32, true, [rows, 16]);
        ModelBuilder builder = new(13);
        builder.Graph.SparseInitializer.Add(sparse);
        builder.Input("x", ElementType.Float32, 3, rows).Node("MatMul", "x w", "o").Output("o");
        TensorBuffer input = TestTensors.Floats(1, 3, rows);
        double[] x = TestTensors.ToDoubles(input);
        double[] w = TestTensors.ToDoubles(dense);
        double[] expected = [.. Enumerable.Range(0, 48).Select(i => Enumerable.Range(0, (int)rows).Sum(k => x[i / 16 * rows + k] * w[k * 16 + i % 16]))];
        Check(builder, new() { ["x"] = input }, TestTensors.FromDoubles(ElementType.Float32, expected, 3, 16));
    }

    [Test]
    public void InAConstant()
    {
        (SparseTensorProto sparse, TensorBuffer dense) = Tensor("", ElementType.Float32, false, [4, 6]);
        ModelBuilder builder = new(13);
        builder.Node("Constant", "", "o").Output("o");
        builder.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "sparse_value", Type = AttributeProto.Types.AttributeType.SparseTensor, SparseTensor = sparse });
        Check(builder, [], dense);
    }

    [Test]
    public void NothingButZeros()
    {
        SparseTensorProto sparse = new() { Values = Proto("w", new TensorBuffer(ElementType.Float32, new Shape(0))), Indices = Proto("", new TensorBuffer(ElementType.Int64, new Shape(0))) };
        sparse.Dims.Add([2, 3]);
        ModelBuilder builder = new(13);
        builder.Graph.SparseInitializer.Add(sparse);
        builder.Node("Identity", "w", "o").Output("o");
        Check(builder, [], new TensorBuffer(ElementType.Float32, new Shape(2, 3)));
    }

    // A few bytes that stand for a tensor of many are refused by the budget, before anything is made.
    [Test]
    public void CountsForTheBudget()
    {
        (SparseTensorProto sparse, _) = Tensor("w", ElementType.Float32, true, [3, 5]);
        sparse.Dims.Clear();
        sparse.Dims.Add([1L << 20, 1L << 10]);
        ModelBuilder builder = new(13);
        builder.Graph.SparseInitializer.Add(sparse);
        byte[] model = builder.Node("ReduceSum", "w", "o", ("keepdims", 0)).Output("o").ToBytes();
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        Assert.That(() =>
        {
            using InferenceSession session = new(path, new SessionOptions { MemoryBudget = 1 << 20 });
            session.Run(new Dictionary<string, TensorBuffer>());
        }, Throws.TypeOf<MemoryBudgetException>());
    }

    [Test]
    public void PlacesOutside()
    {
        (SparseTensorProto sparse, _) = Tensor("w", ElementType.Float32, true, [3, 5]);
        sparse.Dims.Clear();
        sparse.Dims.Add([2, 2]);
        Assert.That(() => Run(sparse), Throws.InstanceOf<OnnxStreamException>());
    }

    [Test]
    public void RefusesDamagedOnes()
    {
        Damaged(sparse => sparse.Indices = null, "no indices");
        Damaged(sparse => sparse.Values = null, "no values");
        Damaged(sparse => sparse.Indices = Proto("", TestTensors.Integers(0, 1)), "needs values [count]");
        Damaged(sparse => sparse.Indices = Proto("", new TensorBuffer(ElementType.Int32, new Shape(sparse.Values.Dims[0]))), "needs values [count]");
        Damaged(sparse => sparse.Indices = Proto("", new TensorBuffer(ElementType.Int64, new Shape(sparse.Values.Dims[0], 3))), "needs values [count]");
        Damaged(sparse => sparse.Dims.Add(-1), "impossible shape");
        Damaged(sparse => sparse.Dims.Add([1L << 40, 1L << 40]), "impossible shape");
        Damaged(sparse => sparse.Dims.Add(Enumerable.Repeat(1L, 100_000)), "dimensions; at most");
    }

    private static void Damaged(Action<SparseTensorProto> change, string problem)
    {
        (SparseTensorProto sparse, _) = Tensor("w", ElementType.Float32, true, [3, 5]);
        change(sparse);
        Assert.That(() => Run(sparse), Throws.TypeOf<ModelFormatException>().With.Message.Contains("sparse tensor").And.Message.Contains(problem));
    }

    private static TensorBuffer Run(SparseTensorProto sparse)
    {
        ModelBuilder builder = new(13);
        builder.Graph.SparseInitializer.Add(sparse);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.Node("Identity", "w", "o").Output("o").ToBytes()));
        return session.Run(new Dictionary<string, TensorBuffer>())["o"];
    }

    private static void Check(ModelBuilder builder, Dictionary<string, TensorBuffer> inputs, TensorBuffer expected)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        for (int run = 0; run < 2; run++)
        {
            TestTensors.AssertClose(session.Run(inputs)["o"], expected, 1e-5, "o");
        }
    }

    // Every third element is none.
    private static (SparseTensorProto Sparse, TensorBuffer Dense) Tensor(string name, ElementType type, bool isFlat, long[] dimensions)
    {
        TensorBuffer dense = new(type, new Shape(dimensions));
        List<long> places = [];
        List<double> numbers = [];
        for (int i = 1; i < dense.Shape.ElementCount; i += 3)
        {
            TestTensors.Set(dense, i, i % 100 + 1);
            numbers.Add(i % 100 + 1);
            long rest = i;
            long[] index = new long[dimensions.Length];
            for (int axis = dimensions.Length - 1; axis >= 0; axis--)
            {
                (rest, index[axis]) = Math.DivRem(rest, dimensions[axis]);
            }

            places.AddRange(isFlat ? [i] : index);
        }

        SparseTensorProto sparse = new()
        {
            Values = Proto(name, TestTensors.FromDoubles(type, [.. numbers], numbers.Count)),
            Indices = Proto("", TensorBuffer.Create<long>(places.ToArray(), isFlat ? [numbers.Count] : [numbers.Count, dimensions.Length])),
        };
        sparse.Dims.Add(dimensions);
        return (sparse, dense);
    }

    private static TensorProto Proto(string name, TensorBuffer tensor) => ModelBuilder.Tensor(name, tensor);
}
