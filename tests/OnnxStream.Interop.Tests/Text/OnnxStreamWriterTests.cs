using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Text;

/// <summary>ONNX to folder to session, and folder to ONNX to ONNX Runtime.</summary>
[NativeMemoryLeakCheck]
public class OnnxStreamWriterTests
{
    private static readonly TensorBuffer s_image = TestTensors.Floats(1, 1, 3, 8, 9);

    [Test]
    public void Convolutions()
    {
        ModelBuilder builder = new ModelBuilder(14)
            .Input("image", ElementType.Float32, 1, 3, 8, 9)
            .Initializer("conv.weight", TestTensors.Floats(2, 12, 3, 3, 3)).Initializer("conv.bias", TestTensors.Floats(3, 12))
            .Initializer("deep", TestTensors.Floats(4, 6, 12, 1, 1)).Initializer("depthwise", TestTensors.Floats(5, 6, 1, 3, 3))
            .Node("Conv", "image conv.weight conv.bias", "a", ("pads", new[] { 1, 1, 1, 1 }), ("kernel_shape", new[] { 3, 3 }))
            .Node("Sigmoid", "a", "b").Node("Mul", "a b", "c")
            .Node("Conv", "c deep", "d", ("strides", new[] { 2, 1 }))
            .Node("Conv", "d depthwise", "e", ("group", 6), ("auto_pad", "SAME_UPPER")).Output("e");
        CheckRoundTrip(builder, new() { ["image"] = s_image }, folder =>
        {
            string[] lines = File.ReadAllLines(Path.Combine(folder, "model.txt"));
            Assert.That(lines[0], Is.EqualTo("Conv_0:Conv*input:image(1,3,8,9);conv_2E_weight_nchw.bin(float32:12,3,3,3);conv_2E_bias.bin(float32:12)*output:a(1,12,8,9)*pads:1,1,1,1;kernel_shape:3,3;dilations:1,1;group:1;strides:1,1"));
            Assert.That(string.Join('\n', lines), Does.Not.Contain("auto_pad"));
            Assert.That(File.Exists(Path.Combine(folder, "conv_2E_weight_nhwc.bin")));
        });
    }

    // What other operator sets than the format's say by default is left out; what changes something cannot be said.
    [TestCase(6, 1, true)]
    [TestCase(8, 1, true)]
    [TestCase(8, 0, false)]
    public void NormalizationsOfOldOperatorSets(int operatorSet, int spatial, bool isWritten)
    {
        (string, object)[] attributes = operatorSet == 6 ? [("spatial", spatial), ("is_test", 1)] : [("spatial", spatial)];
        long[] shape = spatial != 0 ? [3] : [3, 8, 9];
        byte[] bytes = new ModelBuilder(operatorSet).Input("image", ElementType.Float32, 1, 3, 8, 9).Initializer("s", TestTensors.Floats(1, shape)).Initializer("v", TestTensors.Random(ElementType.Float32, 2, 0.5, 2, shape))
            .Node("BatchNormalization", "image s s s v", "y", attributes).Output("y").ToBytes();
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", bytes));
        if (!isWritten)
        {
            Assert.That(() => model.SaveOnnxStream(folder["text"]), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("in which there is no attribute 'spatial'"));
            return;
        }

        model.SaveOnnxStream(folder["text"]);
        Assert.That(File.ReadAllText(folder["text/model.txt"]), Does.Not.Contain("spatial").And.Not.Contain("is_test"));
        using InferenceSession before = new(model);
        using InferenceSession after = new(folder["text"]);
        Dictionary<string, TensorBuffer> inputs = new() { ["image"] = s_image };
        TestTensors.AssertClose(after.Run(inputs)["y"], before.Run(inputs)["y"], 1e-6, "y");
    }

    [Test]
    public void ConvolutionsOfOneDimension() => CheckRoundTrip(
        new ModelBuilder(14).Input("mel", ElementType.Float32, 1, 6, 21).Initializer("w", TestTensors.Floats(1, 70, 6, 3)).Initializer("b", TestTensors.Floats(2, 70))
            .Node("Conv", "mel w b", "y", ("kernel_shape", new[] { 3 }), ("pads", new[] { 1, 1 }), ("strides", new[] { 2 }), ("dilations", new[] { 1 })).Output("y"),
        new() { ["mel"] = TestTensors.Floats(3, 1, 6, 21) },
        folder => Assert.That(File.ReadAllText(Path.Combine(folder, "model.txt")), Does.Contain("w_nchw.bin(float32:70,6,3,1)").And.Contain("pads:1,1")));

    [Test]
    public void MatricesAndEmbeddings([Values(1, 0)] int transposed)
    {
        ModelBuilder builder = new ModelBuilder(14)
            .Input("ids", ElementType.Int64, 1, 7)
            .Initializer("table", TestTensors.Floats(1, 50, 40)).Initializer("positions", TestTensors.Floats(2, 1, 7, 40))
            .Initializer("scale", TestTensors.Floats(3, 40)).Initializer("shift", TestTensors.Floats(4, 40)).Initializer("two", TensorBuffer.Create<float>([2])).Initializer("epsilon", TensorBuffer.Create<float>([1e-5f]))
            .Initializer("project", TestTensors.Floats(5, 40, 64)).Initializer("shape", TestTensors.Integers(-1, 64))
            .Initializer("head", transposed != 0 ? TestTensors.Floats(6, 30, 64) : TestTensors.Floats(6, 64, 30)).Initializer("head.bias", TestTensors.Floats(7, 30))
            .Node("Gather", "table ids", "tokens", ("axis", 0)).Node("Add", "tokens positions", "x")
            .Node("ReduceMean", "x", "mean", ("axes", new[] { -1 })).Node("Sub", "x mean", "centered").Node("Pow", "centered two", "squares")
            .Node("ReduceMean", "squares", "variance", ("axes", new[] { -1 })).Node("Add", "variance epsilon", "positive").Node("Sqrt", "positive", "deviation")
            .Node("Div", "centered deviation", "normal").Node("Mul", "normal scale", "scaled").Node("Add", "scaled shift", "layer")
            .Node("MatMul", "layer project", "hidden").Node("Reshape", "hidden shape", "rows")
            .Node("Gemm", "rows head head.bias", "logits", ("transB", transposed), ("alpha", 1f), ("beta", 1f))
            .Node("Softmax", "logits", "probabilities", ("axis", -1)).Output("probabilities").Output("hidden");
        CheckRoundTrip(builder, new() { ["ids"] = TensorBuffer.Create<long>([0, 49, 3, 3, 17, 1, 9], 1, 7) }, folder =>
            Assert.That(File.ReadAllText(Path.Combine(folder, "model.txt")), transposed != 0 ? Does.Contain("head_transposed.bin(float32:64,30)").And.Not.Contain("transB") : Does.Contain("head.bin(float32:64,30)").And.Not.Contain("transB")));
    }

    [Test]
    public void SlicesSplitsAndResizes()
    {
        ModelBuilder builder = new ModelBuilder(13)
            .Input("image", ElementType.Float32, 1, 3, 8, 9)
            .Initializer("starts", TestTensors.Integers(0, 1)).Initializer("ends", TestTensors.Integers(2, int.MaxValue)).Initializer("axes", TestTensors.Integers(1, 2))
            .Initializer("sizes", TestTensors.Integers(1, 1)).Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Initializer("zero", TestTensors.Integers(0))
            .Node("Slice", "image starts ends axes", "cut").Node("Split", "cut sizes", "left right", ("axis", 1))
            .Node("Concat", "right left", "swapped", ("axis", 1))
            .Node("Resize", "swapped - scales", "large", ("mode", "nearest"), ("nearest_mode", "floor"), ("coordinate_transformation_mode", "asymmetric"))
            .Node("Unsqueeze", "large zero", "batched").Node("Transpose", "batched", "turned", ("perm", new[] { 0, 1, 3, 4, 2 })).Output("turned");
        CheckRoundTrip(builder, new() { ["image"] = s_image });
    }

    [Test]
    public void ShapeArithmeticIsComputed()
    {
        ModelBuilder builder = new ModelBuilder(13)
            .Input("image", ElementType.Float32, 1, 3, 8, 9)
            .Initializer("first", TestTensors.Integers(0)).Initializer("rest", TestTensors.Integers(-1))
            .Node("Shape", "image", "shape").Node("Gather", "shape first", "batch").Node("Concat", "batch rest", "flat", ("axis", 0)).Node("Reshape", "image flat", "y").Output("y");
        CheckRoundTrip(builder, new() { ["image"] = s_image }, folder => Assert.That(File.ReadAllLines(Path.Combine(folder, "model.txt")), Has.Length.EqualTo(1)));
    }

    [Test]
    public void OpenDimensionsBecomeZero()
    {
        ModelBuilder builder = new ModelBuilder(13)
            .Input("image", ElementType.Float32, -1, 3, -1, 9).Initializer("w", TestTensors.Floats(1, 5, 3, 3, 3))
            .Initializer("first", TestTensors.Integers(0)).Initializer("rest", TestTensors.Integers(-1))
            .Node("Conv", "image w", "c", ("pads", new[] { 0, 1, 0, 1 }))
            .Node("Constant", "", "zero", ("value_ints", new long[] { 0 }))
            .Node("Shape", "c", "shape").Node("Gather", "shape zero", "batch").Node("Concat", "batch rest", "flat", ("axis", 0)).Node("Reshape", "c flat", "y").Output("y");
        CheckRoundTrip(builder, new() { ["image"] = TestTensors.Floats(4, 2, 3, 5, 9) }, folder =>
        {
            string text = File.ReadAllText(Path.Combine(folder, "model.txt"));
            Assert.That(text, Does.Contain("image(0,3,0,9)").And.Contain("output:c(0,5,0,9)").And.Contain("zero.bin(int64:1)"));
            Assert.That(Model.Load(folder).Inputs[0].ToString(), Is.EqualTo("image: float[?,3,?,9]"));
        });
    }

    [Test]
    public void IntegersAndTruthValues()
    {
        ModelBuilder builder = new ModelBuilder(13)
            .Input("ids", ElementType.Int32, 3).Input("mask", ElementType.Bool, 3)
            .Initializer("table", TestTensors.Floats(1, 9, 4)).Initializer("one", TensorBuffer.Create<int>([1])).Initializer("allowed", TensorBuffer.Create<bool>([true, false, true], 3))
            .Initializer("rows", TensorBuffer.Create<int>([2, 0], 2)).Initializer("zero", TensorBuffer.Create<int>([0]))
            .Node("Add", "ids one", "next").Node("Gather", "table next", "tokens").Node("Gather", "tokens rows", "picked")
            .Node("And", "mask allowed", "both").Node("Where", "both ids zero", "kept").Output("picked").Output("kept", ElementType.Int32).Output("both", ElementType.Bool);
        Dictionary<string, TensorBuffer> inputs = new() { ["ids"] = TensorBuffer.Create<int>([1, 7, 2], 3), ["mask"] = TensorBuffer.Create<bool>([true, true, false], 3) };
        CheckRoundTrip(builder, inputs, folder =>
        {
            string text = File.ReadAllText(Path.Combine(folder, "model.txt"));
            Assert.That(text, Does.Contain("one.bin(int64:)").And.Contain("rows.bin(int64:2)").And.Contain("allowed.bin(int64:3)").And.Contain("to:6").And.Contain("to:9"));
            Assert.That(Model.Load(folder).Inputs.Select(input => input.ElementType), Is.EqualTo([ElementType.Int32, ElementType.Bool]));
        });
    }

    [Test]
    public void InputsWhoseTypeDoesNotShow()
    {
        // Nothing says that the first is int64, and a Cast would say that the second is.
        ModelBuilder builder = new ModelBuilder(13)
            .Input("count", ElementType.Int64, 2).Input("real", ElementType.Float32, 2)
            .Node("Neg", "count", "negative").Node("Cast", "real", "whole", ("to", (int)ElementType.Int64)).Output("negative", ElementType.Int64).Output("whole", ElementType.Int64);
        CheckRoundTrip(builder, new() { ["count"] = TestTensors.Integers(3, -4), ["real"] = TensorBuffer.Create<float>([1.5f, -2.5f], 2) });
    }

    [Test]
    public void OutputsThatAreReadOrShared()
    {
        ModelBuilder builder = new ModelBuilder(13)
            .Input("x", ElementType.Float32, 2, 3).Initializer("constant", TestTensors.Floats(1, 4))
            .Node("Sigmoid", "x", "a").Node("Neg", "a", "b").Node("Identity", "b", "c").Node("Identity", "x", "same").Node("Identity", "constant", "fixed").Node("Identity", "a", "d").Node("Neg", "d", "scalarless")
            .Output("a").Output("b").Output("c").Output("same").Output("fixed").Output("constant").Output("scalarless");
        CheckRoundTrip(builder, new() { ["x"] = TestTensors.Floats(2, 2, 3) });
    }

    [Test]
    public void OlderOperatorSets()
    {
        ModelBuilder builder = new ModelBuilder(9)
            .Input("x", ElementType.Float32, 1, 4, 6)
            .Node("Squeeze", "x", "s", ("axes", new[] { 0 })).Node("Unsqueeze", "s", "u", ("axes", new[] { 0, 1 }))
            .Node("Split", "u", "l r", ("axis", 2), ("split", new[] { 1, 3 })).Node("Slice", "r", "cut", ("starts", new[] { 1 }), ("ends", new[] { 5 }), ("axes", new[] { 3 }))
            .Node("Clip", "cut", "clipped", ("min", -1f), ("max", 0.5f)).Node("Softmax", "clipped", "soft", ("axis", 3)).Node("ReduceSum", "soft", "sum", ("axes", new[] { 2 }), ("keepdims", 0))
            .Node("Pad", "u", "padded", ("pads", new[] { 0, 0, 1, 1, 0, 0, 0, 2 }), ("value", 3f)).Node("Dropout", "padded", "dropped")
            .Output("sum").Output("l").Output("dropped");
        CheckRoundTrip(builder, new() { ["x"] = TestTensors.Floats(1, 1, 4, 6) });
    }

    [Test]
    public void YoungerOperatorSets()
    {
        ModelBuilder builder = new ModelBuilder(18)
            .Input("x", ElementType.Float32, 1, 4, 6).Initializer("axes", TestTensors.Integers(-1))
            .Node("ReduceMean", "x axes", "mean").Node("ReduceMax", "x", "all", ("keepdims", 0)).Node("Split", "x", "a b", ("axis", 1), ("num_outputs", 2))
            .Initializer("pads", TestTensors.Integers(1, 2)).Initializer("last", TestTensors.Integers(2)).Node("Pad", "x pads - last", "padded")
            .Output("mean").Output("all").Output("a").Output("b").Output("padded");
        CheckRoundTrip(builder, new() { ["x"] = TestTensors.Floats(1, 1, 4, 6) });
    }

    [Test]
    public void ConstantsOfShape()
    {
        ModelBuilder builder = new ModelBuilder(13)
            .Input("shape", ElementType.Int64, 2)
            .Node("ConstantOfShape", "shape", "zeros").Node("ConstantOfShape", "shape", "sevens", ("value", TestTensors.Integers(7)))
            .Node("ConstantOfShape", "shape", "flags", ("value", TensorBuffer.Create<bool>([true], 1))).Node("ConstantOfShape", "shape", "narrow", ("value", TensorBuffer.Create<int>([-3], 1)))
            .Output("zeros").Output("sevens", ElementType.Int64).Output("flags", ElementType.Bool).Output("narrow", ElementType.Int32);
        CheckRoundTrip(builder, new() { ["shape"] = TestTensors.Integers(2, 3) });
    }

    [Test]
    public void HalfPrecisionGraphs()
    {
        TensorBuffer weight = TestTensors.Random(ElementType.Float16, 1, -1, 1, 30, 40);
        ModelBuilder builder = new ModelBuilder(13)
            .Input("x", ElementType.Float16, 2, 30).Initializer("w", weight)
            .Node("Cast", "x", "wide", ("to", 1)).Node("Sigmoid", "wide", "s").Node("Cast", "s", "narrow", ("to", 10)).Node("MatMul", "narrow w", "y").Output("y", ElementType.Float16);
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnxStream(folder["text"]);
        Assert.That(File.ReadAllText(folder["text/model.txt"]), Does.Contain("w.bin(float16:30,40)").And.Not.Contain("Cast"));
        TensorBuffer x = TestTensors.Random(ElementType.Float32, 2, -2, 2, 2, 30);
        using InferenceSession session = new(folder["text"]);
        float[] expected = new float[80];
        for (int row = 0; row < 2; row++)
        {
            for (int column = 0; column < 40; column++)
            {
                for (int k = 0; k < 30; k++)
                {
                    expected[row * 40 + column] += 1 / (1 + MathF.Exp(-x.Span<float>()[row * 30 + k])) * (float)weight.Span<Half>()[k * 40 + column];
                }
            }
        }

        TestTensors.AssertClose(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = x })["y"], TensorBuffer.Create<float>(expected, 2, 40), 1e-4, "half");
    }

    [Test]
    public void HalfPrecisionWeights()
    {
        TensorBuffer mask = TestTensors.Floats(3, 20, 20);
        mask.Span<float>()[7] = -3.4e38f;
        ModelBuilder builder = new ModelBuilder(13)
            .Input("x", ElementType.Float32, 20, 20).Initializer("w", TestTensors.Floats(1, 20, 20)).Initializer("mask", mask).Initializer("small", TestTensors.Floats(2, 20))
            .Initializer("kernel", TestTensors.Floats(4, 16, 1, 5, 5)).Initializer("image", TestTensors.Integers(1, 1, 20, 20))
            .Node("MatMul", "x w", "a").Node("Add", "a small", "b").Node("Max", "b mask", "c").Node("Reshape", "c image", "d").Node("Conv", "d kernel", "y").Output("y");
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(5, 20, 20) };
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnxStream(folder["text"], halfPrecisionWeights: true);
        string text = File.ReadAllText(folder["text/model.txt"]);
        Assert.That(text, Does.Contain("w.bin(float16:20,20)").And.Contain("small.bin(float32:20)").And.Contain("kernel_nchw.bin(float16:16,1,5,5)"));
        Assert.That(text, Does.Contain("mask.bin(float32:20,20)"), "numbers beyond 65504 stay finite");
        TensorBuffer expected = Oracle.Run(builder.ToBytes(), inputs)["y"];
        using InferenceSession session = new(folder["text"]);
        Assert.That(TestTensors.RelativeRms(session.Run(inputs)["y"], expected), Is.LessThan(1e-3));
        Model.Load(folder["text"]).SaveOnnx(folder["again.onnx"]);
        Assert.That(TestTensors.RelativeRms(Oracle.Run(folder["again.onnx"], inputs)["y"], expected), Is.LessThan(1e-3));
        Assert.That(new FileInfo(folder["again.onnx.data"]).Length, Is.LessThan(12 << 10), "half precision stays half the size");
    }

    [Test]
    public void EightBitWeightsStayEightBits()
    {
        using TextFolder source = new TextFolder()
            .Lines("m:MatMul*input:x(2,40);w.bin(uint8[0.01,100]:40,50)*output:y(2,50)", "c:Conv*input:z(1,2,9,9);k_nchw.bin(uint8[0.02,7]:64,2,3,3)*output:v(1,64,7,7)*kernel_shape:3,3")
            .Weight("w.bin", Enumerable.Range(0, 2000).Select(i => (byte)(i * 7)).ToArray()).Weight("k_nhwc.bin", Enumerable.Range(0, 1152).Select(i => (byte)(i * 3)).ToArray());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 2, 40), ["z"] = TestTensors.Floats(2, 1, 2, 9, 9) };
        using InferenceSession session = new(source.Path);
        RunResult expected = session.Run(inputs);
        using TemporaryFolder folder = new();
        source.Load().SaveOnnxStream(folder["text"]);
        Assert.That(File.ReadAllText(folder["text/model.txt"]), Does.Contain("w.bin(uint8[0.01,100]:40,50)"));
        Assert.That(File.ReadAllBytes(folder["text/k_nhwc.bin"]), Is.EqualTo(File.ReadAllBytes(Path.Combine(source.Path, "k_nhwc.bin"))));
        using InferenceSession again = new(folder["text"]);
        source.Load().SaveOnnx(folder["m.onnx"]);
        foreach (string name in expected.Outputs.Keys)
        {
            TestTensors.AssertClose(again.Run(inputs)[name], expected[name], 1e-6, name);
            TestTensors.AssertClose(Oracle.Run(folder["m.onnx"], inputs, asWritten: true)[name], expected[name], 1e-4, name);
        }
    }

    [Test]
    public void EightBitWeightsStayTheirSizeInOnnxAndBack()
    {
        byte[] weight = [.. Enumerable.Range(0, 20_000).Select(i => (byte)(i * 7))];
        byte[] kernel = [.. Enumerable.Range(0, 18_432).Select(i => (byte)(i * 3))];
        using TextFolder source = new TextFolder()
            .Lines("m:MatMul*input:x(2,100);w.bin(uint8[0.01,100]:100,200)*output:y(2,200)", "c:Conv*input:z(1,32,9,9);k_nchw.bin(uint8[0.02,7]:64,32,3,3)*output:v(1,64,7,7)*kernel_shape:3,3")
            .Weight("w.bin", weight).Weight("k_nhwc.bin", kernel);
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 2, 100), ["z"] = TestTensors.Floats(2, 1, 32, 9, 9) };
        using InferenceSession session = new(source.Path);
        RunResult expected = session.Run(inputs);
        using TemporaryFolder folder = new();
        source.Load().SaveOnnx(folder["m.onnx"]);
        Assert.That(new FileInfo(folder["m.onnx.data"]).Length, Is.LessThan(weight.Length + kernel.Length + 8192), "8 bits stay 8 bits");
        Model model = Model.Load(folder["m.onnx"]);
        model.SaveOnnxStream(folder["text"]);
        string text = File.ReadAllText(folder["text/model.txt"]);
        Assert.That(text, Does.Contain("(uint8[0.01,100]:100,200)").And.Contain("(uint8[0.02,7]:64,32,3,3)").And.Not.Contain("Dequantize"));
        Assert.That(Directory.GetFiles(folder["text"], "*_nhwc.bin").Select(File.ReadAllBytes), Is.EqualTo(new[] { kernel }));
        using InferenceSession quantized = new(model);
        using InferenceSession again = new(folder["text"]);
        foreach (string name in expected.Outputs.Keys)
        {
            TestTensors.AssertClose(Oracle.Run(folder["m.onnx"], inputs, asWritten: true)[name], expected[name], 1e-4, name);
            TestTensors.AssertClose(quantized.Run(inputs)[name], expected[name], 1e-5, name);
            TestTensors.AssertClose(again.Run(inputs)[name], expected[name], 1e-5, name);
        }
    }

    // The original's Gemm takes one row and a bias, and multiplies by nothing.
    [TestCase(3, 1f, 1f, 0, 0, true, "MatMul Add")]
    [TestCase(1, 1f, 1f, 0, 0, true, "Gemm")]
    [TestCase(1, 1f, 1f, 0, 1, true, "Gemm")]
    [TestCase(1, 2f, 1f, 0, 1, true, "MatMul Mul Add")]
    [TestCase(3, 0.5f, -2f, 0, 1, true, "MatMul Mul Mul Add")]
    [TestCase(3, 1f, 1f, 1, 0, true, "Transpose MatMul Add")]
    [TestCase(3, 3f, 1f, 1, 1, false, "Transpose MatMul Mul")]
    [TestCase(-1, 1f, 1f, 0, 0, true, "MatMul Add")]
    [TestCase(1, 1f, 1f, 0, 0, false, "MatMul")]
    public void Products(int rows, float alpha, float beta, int transA, int transB, bool hasBias, string operators)
    {
        int[] left = transA != 0 ? [20, rows] : [rows, 20];
        ModelBuilder builder = new ModelBuilder(14).Input("x", ElementType.Float32, left[0], left[1])
            .Initializer("w", transB != 0 ? TestTensors.Floats(1, 30, 20) : TestTensors.Floats(1, 20, 30)).Initializer("b", TestTensors.Floats(2, 30))
            .Node("Gemm", hasBias ? "x w b" : "x w", "y", ("alpha", alpha), ("beta", beta), ("transA", transA), ("transB", transB)).Output("y");
        rows = Math.Abs(rows);
        CheckRoundTrip(builder, new() { ["x"] = transA != 0 ? TestTensors.Floats(3, 20, rows) : TestTensors.Floats(3, rows, 20) }, folder => Assert.That(OperatorsOf(folder), Is.EqualTo(operators)));
    }

    [Test]
    public void NormalizationsInOtherWords()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 6, 5, 40)
            .Initializer("s", TestTensors.Floats(1, 40)).Initializer("b", TestTensors.Floats(2, 40)).Initializer("cs", TestTensors.Floats(3, 6)).Initializer("cb", TestTensors.Floats(4, 6)).Initializer("cv", TestTensors.Random(ElementType.Float32, 5, 0.5, 2, 6))
            .Node("LayerNormalization", "x s b", "l", ("axis", -1), ("epsilon", 1e-3f)).Node("BatchNormalization", "l cs cb cb cv", "n", ("epsilon", 1e-2f)).Node("LayerNormalization", "n s", "y", ("axis", 3)).Output("y");
        CheckRoundTrip(builder, new() { ["x"] = TestTensors.Floats(6, 2, 6, 5, 40) }, folder => Assert.That(OperatorsOf(folder), Is.EqualTo("ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul Add Mul Add ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul")));
    }

    [Test]
    public void DefaultsAndFormsThatTheOriginalWants()
    {
        ModelBuilder builder = new ModelBuilder(14).Input("x", ElementType.Float32, 1, 3, 8, 9).Input("m", ElementType.Float32, 4, 4)
            .Initializer("three", TestTensors.Integers(3)).Initializer("roi", TensorBuffer.Create<float>([], 0)).Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Initializer("w", TestTensors.Floats(1, 4, 3, 3, 3))
            .Node("MaxPool", "x", "p", ("kernel_shape", new[] { 3, 3 }), ("auto_pad", "SAME_LOWER"), ("strides", new[] { 2, 2 })).Node("Pow", "p three", "q").Node("Transpose", "q", "t")
            .Node("Resize", "x roi scales", "large", ("mode", "nearest"), ("nearest_mode", "floor"), ("coordinate_transformation_mode", "asymmetric"))
            .Node("Conv", "x w", "c", ("auto_pad", "VALID")).Node("Conv", "x w", "d", ("auto_pad", "SAME_UPPER"), ("strides", new[] { 3, 2 })).Node("Trilu", "m", "u").Output("t").Output("large").Output("c").Output("d").Output("u");
        CheckRoundTrip(builder, new() { ["x"] = s_image, ["m"] = TestTensors.Floats(2, 4, 4) }, folder =>
        {
            string[] lines = File.ReadAllLines(Path.Combine(folder, "model.txt"));
            Assert.That(lines[0], Does.Contain("dilations:1,1").And.Contain("pads:1,1,0,1"));
            Assert.That(lines[1], Does.Contain("float32:").And.Not.Contain("int64"));
            Assert.That(lines[2], Does.EndWith("*perm:3,2,1,0"));
            Assert.That(lines[3], Does.Contain(";;scales.bin"));
            Assert.That(lines[4], Does.Contain("pads:0,0,0,0"));
            Assert.That(lines[5], Does.Contain("pads:0,1,1,1"));
            Assert.That(lines[6], Does.Contain("k.bin(int64:)").Or.Contain("_2E_k.bin(int64:)"));
            Assert.That(string.Concat(lines), Does.Not.Contain("auto_pad").And.Not.Contain("float32:0)"));
        });
    }

    [TestCase(ElementType.Int32)]
    [TestCase(ElementType.Int8)]
    [TestCase(ElementType.UInt8)]
    [TestCase(ElementType.Bool)]
    [TestCase(ElementType.Int64)]
    public void IntegerInputsKeepTheirType(ElementType type)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", type, 2, 3).Node("Cast", "x", "y", ("to", (int)ElementType.Float32)).Output("y");
        using TemporaryFolder folder = new();
        Model.Load(folder.Write("m.onnx", builder.ToBytes())).SaveOnnxStream(folder["text"]);
        Model text = Model.Load(folder["text"]);
        text.SaveOnnx(folder["again.onnx"]);
        Assert.That(text.Inputs[0].ElementType, Is.EqualTo(type));
        Assert.That(Model.Load(folder["again.onnx"]).Inputs[0].ElementType, Is.EqualTo(type));
    }

    // As exporters write GPT-2: Conv1D as Gemm, an int32 input, a mask, a power.
    [Test]
    public void TransformersAsExportersWriteThem()
    {
        ModelBuilder builder = new ModelBuilder(13).Input("ids", ElementType.Int32, 1, 6)
            .Initializer("table", TestTensors.Floats(1, 30, 16)).Initializer("s", TestTensors.Floats(2, 16)).Initializer("b", TestTensors.Floats(3, 16)).Initializer("w", TestTensors.Floats(4, 16, 48)).Initializer("wb", TestTensors.Floats(5, 48))
            .Initializer("rows", TestTensors.Integers(-1, 16)).Initializer("back", TestTensors.Integers(1, 6, 48)).Initializer("low", TensorBuffer.Create<float>([-1e4f])).Initializer("three", TestTensors.Integers(3))
            .Initializer("mask", TensorBuffer.Create<bool>([.. Enumerable.Range(0, 36).Select(i => i % 6 <= i / 6)], 1, 6, 6))
            .Node("Gather", "table ids", "e").Node("Reshape", "e rows", "f").Node("Gemm", "f w wb", "g", ("alpha", 1f), ("beta", 1f)).Node("Reshape", "g back", "h")
            .Node("Split", "h", "q k v", ("axis", 2)).Node("Transpose", "k", "kt", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "q kt", "scores").Node("Where", "mask scores low", "masked")
            .Node("Softmax", "masked", "p", ("axis", -1)).Node("MatMul", "p v", "a").Node("Pow", "a three", "cube").Node("Add", "a cube", "y").Output("y");
        CheckRoundTrip(builder, new() { ["ids"] = TensorBuffer.Create<int>([1, 5, 29, 0, 7, 7], 1, 6) });
    }

    [Test]
    public void LargeMatricesAreTransposedInBands()
    {
        TensorBuffer weight = TestTensors.Floats(1, 3001, 700);
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 1, 700).Initializer("w", weight).Node("Gemm", "x w", "y", ("transB", 1)).Output("y");
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", builder.ToBytes()));
        model.SaveOnnxStream(folder["text"]);
        float[] transposed = new float[700 * 3001];
        for (int row = 0; row < 3001; row++)
        {
            for (int column = 0; column < 700; column++)
            {
                transposed[column * 3001 + row] = weight.Span<float>()[row * 700 + column];
            }
        }

        Assert.That(File.ReadAllBytes(folder["text/w_transposed.bin"]).AsSpan().SequenceEqual(TensorBuffer.Create<float>(transposed, 700, 3001).Bytes));
    }

    [Test]
    public void NamesThatFileSystemsConfuse()
    {
        string longName = string.Concat(Enumerable.Repeat("/layer.", 60));
        ModelBuilder builder = new ModelBuilder(13)
            .Input("x", ElementType.Float32, 2).Initializer("W", TestTensors.Floats(1, 2)).Initializer("w", TestTensors.Floats(2, 2)).Initializer(longName, TestTensors.Floats(3, 2))
            .Node("Add", "x W", "a").Node("Mul", "a w", "b").Node("Sub", $"b {longName}", "y").Output("y");
        builder.Nodes[0].Name = "*:a\n";
        builder.Nodes[1].Name = "*:a\r";
        CheckRoundTrip(builder, new() { ["x"] = TestTensors.Floats(4, 2) });
    }

    [Test]
    public void WhatTheFormatCannotExpressIsListedCompletely()
    {
        GraphProto branch = new() { Name = "branch" };
        branch.Node.Add(new NodeProto { OpType = "Identity", Input = { "x" }, Output = { "r" } });
        branch.Output.Add(ModelBuilder.Declare("r", ElementType.Float32, 2));
        ModelBuilder builder = new ModelBuilder(20, "com.microsoft")
            .Input("x", ElementType.Float32, 2).Input("condition", ElementType.Bool).Input("wide", ElementType.Float64, 2)
            .Initializer("doubles", TestTensors.Random(ElementType.Float64, 1, 0, 1, 2))
            .Node("If", "condition", "branched", ("then_branch", branch), ("else_branch", branch))
            .Node("com.microsoft", "FastGelu", "x", "fast").Node("Gelu", "x", "gelu").Node("Add", "wide doubles", "sum")
            .Output("branched").Output("fast").Output("gelu").Output("sum", ElementType.Float64);
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", builder.ToBytes()));
        Assert.That(() => model.SaveOnnxStream(folder["text"]), Throws.TypeOf<UnsupportedOperatorException>()
            .With.Message.Contains("If 'If_0': the format has no graphs").And.Message.Contains("domain 'com.microsoft'").And.Message.Contains("Gelu 'Gelu_2': the format means operator set 17")
            .And.Message.Contains("Input 'wide'").And.Message.Contains("'doubles'"));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1), "nothing is left behind");
    }

    // Found by mutated models: a node that is left out, and has nothing to leave in its place.
    [Test]
    public void NodesWithoutInputs()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", new ModelBuilder(13).Input("x", ElementType.Float32, -1).Node("Cast", "", "c", ("to", (int)ElementType.Float32)).Node("Add", "x c", "y").Output("y").ToBytes()));
        Assert.That(() => model.SaveOnnxStream(folder["text"]), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("Cast 'Cast_0': its input is missing"));
    }

    [Test]
    public void OnlyIntoEmptyFolders()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", new ModelBuilder(13).Input("x", ElementType.Float32, 2).Node("Sigmoid", "x", "y").Output("y").ToBytes()));
        Assert.That(() => model.SaveOnnxStream(folder.Path), Throws.TypeOf<IOException>());
        Assert.That(() => model.SaveOnnxStream(folder["m.onnx"]), Throws.TypeOf<IOException>());
        Directory.CreateDirectory(folder["empty"]);
        model.SaveOnnxStream(folder["empty"] + Path.DirectorySeparatorChar);
        model.SaveOnnxStream(folder["new/deep"]);
        Assert.That(File.Exists(folder["empty/model.txt"]) && File.Exists(folder["new/deep/model.txt"]));
        Assert.That(() => model.SaveOnnxStream(folder["empty"]), Throws.TypeOf<IOException>());
    }

    [Test]
    public void AFailureLeavesNothingBehind()
    {
        using TemporaryFolder folder = new();
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 1, 700).Initializer("w", TestTensors.Floats(1, 700, 70)).Node("MatMul", "x w", "y").Output("y");
        Model model = Model.Load(folder.Write("m.onnx", builder.ToBytes()));
        File.WriteAllBytes(folder["m.onnx"], new byte[100]);
        Assert.That(() => model.SaveOnnxStream(folder["text"]), Throws.TypeOf<WeightsException>());
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1));
    }

    private static string OperatorsOf(string folder) => string.Join(' ', File.ReadAllLines(Path.Combine(folder, "model.txt")).Select(line => line.Split('*')[0].Split(':')[1]));

    /// <summary>Compares with ONNX Runtime: the folder, the folder without <c>_nchw</c> files, and an ONNX file made of the folder.</summary>
    private static void CheckRoundTrip(ModelBuilder builder, Dictionary<string, TensorBuffer> inputs, Action<string>? check = null)
    {
        byte[] original = builder.ToBytes();
        Dictionary<string, TensorBuffer> expected = Oracle.Run(original, inputs);
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("model.onnx", original));
        string path = folder["text"];
        model.SaveOnnxStream(path);
        TestContext.Out.WriteLine(File.ReadAllText(Path.Combine(path, "model.txt")));
        check?.Invoke(path);
        Compare(path);
        Model.Load(path).SaveOnnx(folder["again.onnx"]);
        Dictionary<string, TensorBuffer> converted = Inputs(Model.Load(path));
        foreach ((string name, TensorBuffer tensor) in Oracle.Run(folder["again.onnx"], converted))
        {
            TestTensors.AssertClose(tensor, expected[name], 1e-4, $"{name} of the ONNX file made of the folder");
        }

        foreach (string file in Directory.GetFiles(path, "*_nchw.bin"))
        {
            File.Delete(file);
        }

        Compare(path);
        Model.Load(path).SaveOnnx(folder["last.onnx"]);
        foreach ((string name, TensorBuffer tensor) in Oracle.Run(folder["last.onnx"], converted))
        {
            TestTensors.AssertClose(tensor, expected[name], 1e-4, $"{name} of the ONNX file made of the folder without _nchw files");
        }

        void Compare(string path)
        {
            Model text = Model.Load(path);
            Assert.That(text.Outputs.Select(output => output.Name), Is.EquivalentTo(expected.Keys));
            using InferenceSession session = new(text, new SessionOptions { ThreadCount = 2 });
            RunResult result = session.Run(Inputs(text));
            foreach ((string name, TensorBuffer tensor) in expected)
            {
                TestTensors.AssertClose(result[name], tensor, 1e-4, $"{name} of the folder");
            }
        }

        // Half precision becomes single precision.
        Dictionary<string, TensorBuffer> Inputs(Model text)
        {
            Dictionary<string, TensorBuffer> converted = [];
            foreach (ValueMetadata input in text.Inputs)
            {
                TensorBuffer tensor = inputs[input.Name];
                converted.Add(input.Name, tensor.ElementType == input.ElementType ? tensor : TestTensors.FromDoubles(input.ElementType, TestTensors.ToDoubles(tensor), tensor.Shape.ToArray()));
            }

            return converted;
        }
    }
}
