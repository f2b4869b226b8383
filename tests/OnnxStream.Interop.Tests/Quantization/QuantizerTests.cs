using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Quantization;

[NativeMemoryLeakCheck]
public class QuantizerTests
{
    private TemporaryFolder _folder = null!;
    private byte[] _bytes = null!;
    private Model _model = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _bytes = QuantizationModels.Image().ToBytes();
        _model = Model.Load(_folder.Write("model.onnx", _bytes));
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    // Both engines are compared with ONNX Runtime's results for the model as it was. Operator set 12 has no scales of channels in ONNX's own domain.
    [TestCase(QuantizationScheme.Weights8, 17, 0.01)]
    [TestCase(QuantizationScheme.Weights8, 12, 0.01)]
    [TestCase(QuantizationScheme.Weights8, 21, 0.01)]
    [TestCase(QuantizationScheme.Weights4, 17, 0.12)]
    [TestCase(QuantizationScheme.Weights8Activations8, 17, 0.03)]
    [TestCase(QuantizationScheme.Weights8Activations8, 12, 0.03)]
    [TestCase(QuantizationScheme.Weights8Activations8, 21, 0.03)]
    public void OnnxRuntimeAndThisLibraryRunTheFile(QuantizationScheme scheme, int operatorSet, double most)
    {
        _bytes = QuantizationModels.Image(operatorSet).ToBytes();
        _model = Model.Load(_folder.Write("model.onnx", _bytes));
        QuantizationReport report = Prepare(scheme).SaveOnnx(_folder["q.onnx"]);
        Dictionary<string, TensorBuffer> inputs = QuantizationModels.Tensors(QuantizationModels.ImageInputs());
        TensorBuffer expected = Oracle.Run(_bytes, inputs)["y"];
        double theirs = TestTensors.RelativeRms(TheirsOf(scheme, inputs), expected);
        double ours = TestTensors.RelativeRms(Run("q.onnx"), expected);
        Assert.That(ours, Is.GreaterThan(1e-5).And.LessThan(most));
        Assert.That(theirs, Is.GreaterThan(1e-5).And.LessThan(most));
        Assert.That(report.MeasuredError, Is.EqualTo(ours).Within(1 + ours * 2).Percent);
        Assert.That(report.Layers.Select(layer => layer.WeightName), Is.EqualTo(new[] { "a", "b", "g", "t", "w" }));
        Assert.That(report.Bytes, Is.LessThan(0.3 * report.OriginalBytes));
        Assert.That(new FileInfo(_folder["q.onnx.data"]).Length, Is.LessThan(0.4 * report.OriginalBytes + 5 * 4096));
        Assert.That(Directory.GetFiles(_folder.Path, "*.partial"), Is.Empty);
    }

    [TestCase(QuantizationScheme.Weights8)]
    [TestCase(QuantizationScheme.Weights4)]
    [TestCase(QuantizationScheme.Weights8Activations8)]
    public void TokensAreQuantizedAsWell(QuantizationScheme scheme)
    {
        _bytes = QuantizationModels.Tokens().ToBytes();
        _model = Model.Load(_folder.Write("tokens.onnx", _bytes));
        Dictionary<string, OnnxValue> inputs = QuantizationModels.TokenInputs();
        Quantizer quantizer = new(_model, new SessionOptions())
        {
            Scheme = scheme, Inputs = inputs, QuantizesEmbeddings = true, Ranges = new Calibration(_model, new SessionOptions()).Run([inputs]),
        };
        QuantizationReport report = quantizer.SaveOnnx(_folder["q.onnx"]);
        TensorBuffer expected = Oracle.Run(_bytes, QuantizationModels.Tensors(inputs))["y"];
        double theirs = TestTensors.RelativeRms(TheirsOf(scheme, QuantizationModels.Tensors(inputs)), expected);
        using InferenceSession session = new(_folder["q.onnx"]);
        double ours = TestTensors.RelativeRms(session.Run(inputs)["y"], expected);
        double most = scheme == QuantizationScheme.Weights4 ? 0.15 : 0.03;
        Assert.That(ours, Is.GreaterThan(1e-5).And.LessThan(most));
        Assert.That(theirs, Is.GreaterThan(1e-5).And.LessThan(most));
        Assert.That(report.MeasuredError, Is.EqualTo(ours).Within(2).Percent);
        Assert.That(report.Layers.Select(layer => layer.OperatorType), Is.EqualTo(new[] { "Gather", "MatMul", "MatMul", "Gemm" }));
        Assert.That(report.Layers.Select(layer => layer.ElementType), Is.EqualTo(scheme == QuantizationScheme.Weights4 ? new[] { ElementType.Int8, ElementType.Int4, ElementType.Int4, ElementType.Int4 } : [ElementType.Int8, ElementType.Int8, ElementType.Int8, ElementType.Int8]));
        Assert.That(report.Layers.Select(layer => layer.HasQuantizedData), Is.EqualTo(scheme == QuantizationScheme.Weights8Activations8 ? new[] { false, true, true, true } : [false, false, false, false]));
    }

    // What is told of a weight is what its rounded numbers are.
    [Test]
    public void WeightsAreRoundedWithTheLeastErrorThatIsTold()
    {
        QuantizationReport report = new Quantizer(_model, new SessionOptions()).SaveOnnx(_folder["q.onnx"]);
        Assert.That(report.MeasuredError, Is.Null);
        foreach (QuantizedLayer layer in report.Layers)
        {
            ModelBuilder plain = QuantizationModels.Image();
            float[] numbers = MemoryMarshal.Cast<byte, float>(plain.Graph.Initializer.Single(tensor => tensor.Name == layer.WeightName).RawData.Span).ToArray();
            float[] rounded = Dequantized(layer.WeightName);
            double lost = numbers.Zip(rounded).Sum(pair => Math.Pow(pair.First - (double)pair.Second, 2));
            double ratio = 10 * Math.Log10(numbers.Sum(number => (double)number * number) / lost);
            Assert.That(layer.WeightSignalToNoise, Is.EqualTo(ratio).Within(0.02), layer.WeightName);
            Assert.That(layer.SignalToNoise, Is.EqualTo(ratio).Within(0.02), layer.WeightName);
            Assert.That(layer.Reason, Is.Null);
            Assert.That(ratio, Is.GreaterThan(40).And.LessThan(60), layer.WeightName);
        }
    }

    [Test]
    public void LayersReportWhatTheirDataLose()
    {
        QuantizationReport report = Prepare(QuantizationScheme.Weights8Activations8).SaveOnnx(_folder["q.onnx"]);
        foreach (QuantizedLayer layer in report.Layers)
        {
            Assert.That(layer.HasQuantizedData, Is.EqualTo(layer.OperatorType != "ConvTranspose"), layer.NodeName);
            if (layer.HasQuantizedData)
            {
                double sum = Math.Pow(10, -layer.WeightSignalToNoise!.Value / 10) + Math.Pow(10, -layer.DataSignalToNoise!.Value / 10);
                Assert.That(layer.SignalToNoise, Is.EqualTo(-10 * Math.Log10(sum)).Within(0.02), layer.NodeName);
                Assert.That(layer.DataSignalToNoise, Is.GreaterThan(30).And.LessThan(65), layer.NodeName);
            }
            else
            {
                Assert.That(layer.Reason, Does.Contain("8-bit data"));
            }
        }
    }

    [TestCase(QuantizationScheme.Weights8Activations8)]
    [TestCase(QuantizationScheme.Weights4)]
    public void TheTargetIsMetWithMoreBytesTheSmallerItIs(QuantizationScheme scheme)
    {
        double whole = Prepare(scheme).SaveOnnx(_folder["whole.onnx"]).MeasuredError!.Value;
        Dictionary<string, TensorBuffer> inputs = QuantizationModels.Tensors(QuantizationModels.ImageInputs());
        TensorBuffer expected = Oracle.Run(_bytes, inputs)["y"];
        long last = 0;
        foreach (double part in (double[])[1.01, 0.8, 0.4])
        {
            string name = $"q{part}.onnx";
            QuantizationReport report = Prepare(scheme, target: part * whole).SaveOnnx(_folder[name]);
            double error = TestTensors.RelativeRms(Run(name), expected);
            Assert.That(report.MeasuredError, Is.LessThanOrEqualTo(part * whole));
            Assert.That(error, Is.EqualTo(report.MeasuredError!.Value).Within(2).Percent);
            Assert.That(report.Bytes, Is.GreaterThanOrEqualTo(last), $"{part}");
            Assert.That(report.Layers.Any(layer => layer.Reason == "the target error"), Is.EqualTo(part < 1));
            last = report.Bytes;
        }
    }

    [Test]
    public void ATargetThatCannotBeMetSaysTheBestAndWritesNothing()
    {
        TargetErrorException exception = Assert.Throws<TargetErrorException>(() => Prepare(QuantizationScheme.Weights8, target: 1e-7).SaveOnnx(_folder["q.onnx"]));
        Assert.That(exception.SmallestError, Is.GreaterThan(1e-7).And.LessThan(0.01));
        Assert.That(exception.Message, Does.Contain("the best is").And.Contain(_folder["model.onnx"]));
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _folder["model.onnx"] }));
    }

    [Test]
    public void FilesAreTheSameForAnyNumberOfThreads()
    {
        byte[][] files = [.. new[] { 1, 2, 3 }.Select(threads =>
        {
            SessionOptions options = new() { ThreadCount = threads };
            RangeTable ranges = new Calibration(_model, options).Run([QuantizationModels.ImageInputs()]);
            new Quantizer(_model, options) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = ranges, Inputs = QuantizationModels.ImageInputs(), TargetError = 0.005 }.SaveOnnx(_folder["q.onnx"]);
            return File.ReadAllBytes(_folder["q.onnx"]).Concat(File.ReadAllBytes(_folder["q.onnx.data"])).ToArray();
        })];
        Assert.That(files[1], Is.EqualTo(files[0]));
        Assert.That(files[2], Is.EqualTo(files[0]));
    }

    [Test]
    public void AFolderIsReadBackAndGivesTheSame()
    {
        QuantizationReport report = Prepare(QuantizationScheme.Weights8).SaveOnnxStream(_folder["q"]);
        string text = File.ReadAllText(Path.Combine(_folder["q"], "model.txt"));
        Assert.That(text.Split("uint8[").Length - 1, Is.EqualTo(5));
        Assert.That(File.Exists(Path.Combine(_folder["q"], "range_data.txt")), Is.False);
        TensorBuffer expected = Oracle.Run(_bytes, QuantizationModels.Tensors(QuantizationModels.ImageInputs()))["y"];
        double error = TestTensors.RelativeRms(Run("q"), expected);
        Assert.That(error, Is.GreaterThan(1e-4).And.LessThan(0.03));
        Assert.That(report.MeasuredError, Is.EqualTo(error).Within(1).Percent);
        Assert.That(report.Layers.Select(layer => layer.ElementType), Is.All.EqualTo(ElementType.UInt8));
        Assert.That(report.Bytes, Is.LessThan(0.26 * report.OriginalBytes));

        // And as ONNX: the bits stay what they are.
        Model.Load(_folder["q"]).SaveOnnx(_folder["back.onnx"]);
        Assert.That(TestTensors.RelativeRms(Oracle.Run(_folder["back.onnx"], QuantizationModels.Tensors(QuantizationModels.ImageInputs()), asWritten: true)["y"], Run("q")), Is.LessThan(1e-5));
    }

    // As the original does it: the folder is calibrated, and the ranges have the names of its nodes.
    [Test]
    public void AFolderForTheOriginalsArithmeticHasRangesOfAllItsOperators()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 8, 12, 12).Output("y")
            .Initializer("a", TestTensors.Random(ElementType.Float32, 1, -0.2, 0.2, 32, 8, 3, 3)).Initializer("ab", TestTensors.Floats(11, 32))
            .Initializer("s", TestTensors.Floats(3, 32, 1, 1)).Initializer("o", TestTensors.Floats(4, 32, 1, 1))
            .Node("Conv", "x a ab", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Mul", "c s", "m").Node("Add", "m o", "n").Node("Sigmoid", "n", "u").Node("Mul", "n u", "y");
        Model.Load(_folder.Write("float.onnx", builder.ToBytes())).SaveOnnxStream(_folder["float"]);
        Model model = Model.Load(_folder["float"]);
        Dictionary<string, OnnxValue> inputs = new() { ["x"] = TestTensors.Floats(7, 1, 8, 12, 12) };
        RangeTable table = new Calibration(model, new SessionOptions()) { HasOperatorResults = true }.Run([inputs]);
        new Quantizer(model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = table }.SaveOnnxStream(_folder["q"]);
        string text = File.ReadAllText(Path.Combine(_folder["q"], "model.txt"));
        Assert.That(text.Split("uint8[").Length - 1, Is.EqualTo(3), "the operands of sums and products, too; not the bias");
        string[] lines = File.ReadAllText(Path.Combine(_folder["q"], "range_data.txt")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines.Select(line => line.Split(',')[0]), Is.EquivalentTo(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(':')[0]).Where(name => !name.StartsWith("Reshape", StringComparison.Ordinal))));
        RangeTable read = RangeTable.Load(Path.Combine(_folder["q"], "range_data.txt"), Model.Load(_folder["q"]));
        Assert.That(read.Find("y")!.Maximum, Is.EqualTo(table.Find("y")!.Maximum));
        TensorBuffer expected = Oracle.Run(builder.ToBytes(), QuantizationModels.Tensors(inputs))["y"];
        using InferenceSession session = new(_folder["q"]);
        Assert.That(TestTensors.RelativeRms(session.Run(inputs)["y"], expected), Is.GreaterThan(1e-4).And.LessThan(0.03));

        // Ranges of products alone are not enough, and nothing is left.
        RangeTable few = new Calibration(model, new SessionOptions()).Run([inputs]);
        Assert.That(() => new Quantizer(model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = few }.SaveOnnxStream(_folder["q2"]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("such as"));
        Assert.That(Directory.GetDirectories(_folder.Path), Is.EquivalentTo(new[] { _folder["float"], _folder["q"] }));
    }

    // A folder's convolutions lie as [N, H, W, C].
    [Test]
    public void AFolderBecomesAQuantizedFile()
    {
        _model.SaveOnnxStream(_folder["text"]);
        File.Delete(Path.Combine(_folder["text"], "a_nchw.bin"));
        Model model = Model.Load(_folder["text"]);
        QuantizationReport report = new Quantizer(model, new SessionOptions()) { Inputs = QuantizationModels.ImageInputs() }.SaveOnnx(_folder["q.onnx"]);
        TensorBuffer expected = Oracle.Run(_bytes, QuantizationModels.Tensors(QuantizationModels.ImageInputs()))["y"];
        Assert.That(TestTensors.RelativeRms(Oracle.Run(_folder["q.onnx"], QuantizationModels.Tensors(QuantizationModels.ImageInputs()))["y"], expected), Is.LessThan(0.01));
        Assert.That(report.MeasuredError, Is.GreaterThan(1e-5).And.LessThan(0.01));
    }

    // Pixels that are repeated are bytes, and have the range of what they were before.
    [Test]
    public void ImagesAreRoundedBeforeTheyAreEnlarged()
    {
        byte[] bytes = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 8, 12, 12).Output("y")
            .Initializer("a", TestTensors.Random(ElementType.Float32, 1, -0.2, 0.2, 32, 8, 3, 3)).Initializer("b", TestTensors.Random(ElementType.Float32, 2, -0.1, 0.1, 16, 32, 3, 3))
            .Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
            .Node("Conv", "x a", "c").Node("Tanh", "c", "t").Node("Resize", "t - scales", "r", ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")).Node("Conv", "r b", "y").ToBytes();
        Model model = Model.Load(_folder.Write("resize.onnx", bytes));
        Dictionary<string, OnnxValue> inputs = new() { ["x"] = TestTensors.Floats(7, 1, 8, 12, 12) };
        RangeTable ranges = new Calibration(model, new SessionOptions()).Run([inputs]);
        Assert.That(ranges.Ranges.Select(range => range.Name), Is.EquivalentTo(new[] { "x", "c", "t", "y" }));
        QuantizationReport report = new Quantizer(model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = ranges, Inputs = inputs }.SaveOnnx(_folder["q.onnx"]);
        Assert.That(report.Layers.All(layer => layer.HasQuantizedData), Is.True);
        ModelProto file = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_folder["q.onnx"]));
        string source = file.Graph.Node.Single(node => node.OpType == "Resize").Input[0];
        Assert.That(file.Graph.Node.Single(node => node.Output.Contains(source)).OpType, Is.EqualTo("DequantizeLinear"));
        TensorBuffer expected = Oracle.Run(bytes, QuantizationModels.Tensors(inputs))["y"];
        Assert.That(TestTensors.RelativeRms(TheirsOf(QuantizationScheme.Weights8Activations8, QuantizationModels.Tensors(inputs)), expected), Is.GreaterThan(1e-4).And.LessThan(0.03));
        Assert.That(report.MeasuredError, Is.GreaterThan(1e-4).And.LessThan(0.03));
    }

    [Test]
    public void WhatIsMissingIsSaid()
    {
        Assert.That(() => new Quantizer(_model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8 }.SaveOnnx(_folder["q.onnx"]), Throws.InvalidOperationException.With.Message.Contains("Ranges"));
        Assert.That(() => new Quantizer(_model, new SessionOptions()) { TargetError = 0.1 }.SaveOnnx(_folder["q.onnx"]), Throws.InvalidOperationException.With.Message.Contains("Inputs"));
        Assert.That(() => new Quantizer(_model, new SessionOptions()) { Scheme = QuantizationScheme.Weights4 }.SaveOnnxStream(_folder["q"]), Throws.InvalidOperationException.With.Message.Contains("4 bits"));
        foreach (double target in (double[])[0, -1, 1, double.NaN])
        {
            Assert.That(() => new Quantizer(_model, new SessionOptions()) { TargetError = target }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        }

        Model small = Model.Load(_folder.Write("small.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 4, 4).Output("y").Node("Relu", "x", "y").ToBytes()));
        Assert.That(() => new Quantizer(small, new SessionOptions()).SaveOnnx(_folder["q.onnx"]), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("no layer"));
        Model tokens = Model.Load(_folder.Write("tokens.onnx", QuantizationModels.Tokens().ToBytes()));
        RangeTable other = new Calibration(tokens, new SessionOptions()).Run([QuantizationModels.TokenInputs()]);
        Assert.That(() => new Quantizer(_model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = other }.SaveOnnx(_folder["q.onnx"]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("another model"));
        Assert.That(() => new Quantizer(_model, new SessionOptions()) { Inputs = new Dictionary<string, OnnxValue> { ["x"] = TestTensors.Floats(1, 1, 8, 20, 21) } }.SaveOnnx(_folder["q.onnx"]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("'x'"));
        Assert.That(Directory.GetFiles(_folder.Path, "q*"), Is.Empty);
    }

    [Test]
    public void LayersWithoutRangesOrFiniteWeightsKeepWhatTheyHave()
    {
        RangeTable few = new([new ValueRange("x", -2, 2), new ValueRange("c", -5, 5), new ValueRange("r", 0, 5)]);
        QuantizationReport report = new Quantizer(_model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = few }.SaveOnnx(_folder["few.onnx"]);
        Assert.That(report.Layers.Select(layer => layer.HasQuantizedData), Is.EqualTo(new[] { true, true, false, false, false }));
        Assert.That(report.Layers[2].Reason, Does.Contain("no range"));
        Assert.That(TestTensors.RelativeRms(Run("few.onnx"), Oracle.Run(_folder["few.onnx"], QuantizationModels.Tensors(QuantizationModels.ImageInputs()))["y"]), Is.LessThan(0.02));

        ModelBuilder broken = QuantizationModels.Image();
        float[] numbers = new float[32 * 32];
        numbers[77] = float.NaN;
        broken.Graph.Initializer.Single(tensor => tensor.Name == "b").RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(numbers));
        Model model = Model.Load(_folder.Write("broken.onnx", broken.ToBytes()));
        foreach (QuantizationReport each in (QuantizationReport[])[new Quantizer(model, new SessionOptions()).SaveOnnx(_folder["b.onnx"]), new Quantizer(model, new SessionOptions()).SaveOnnxStream(_folder["b"])])
        {
            Assert.That(each.Layers[1].ElementType, Is.EqualTo(ElementType.Float32));
            Assert.That(each.Layers[1].Reason, Does.Contain("not finite"));
        }
    }

    [Test]
    public void CancellationLeavesNothing([Values] QuantizationStage stage)
    {
        using CancellationTokenSource source = new();
        long live = CountedMemory.LiveBytes;
        Recorder recorder = new(report =>
        {
            if (report.Stage == stage)
            {
                source.Cancel();
            }
        });
        foreach (bool isFolder in (bool[])[false, true])
        {
            Quantizer quantizer = new(_model, new SessionOptions()) { Inputs = QuantizationModels.ImageInputs() };
            Assert.That(() => isFolder ? quantizer.SaveOnnxStream(_folder["q"], recorder, source.Token) : quantizer.SaveOnnx(_folder["q.onnx"], recorder, source.Token), Throws.InstanceOf<OperationCanceledException>());
            Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo(new[] { _folder["model.onnx"] }));
        }

        Assert.That(CountedMemory.LiveBytes, Is.EqualTo(live));
    }

    private Quantizer Prepare(QuantizationScheme scheme, double? target = null) => new(_model, new SessionOptions())
    {
        Scheme = scheme,
        Inputs = QuantizationModels.ImageInputs(),
        TargetError = target,
        Ranges = scheme == QuantizationScheme.Weights8Activations8 ? new Calibration(_model, new SessionOptions()).Run([QuantizationModels.ImageInputs()]) : null,
    };

    private TensorBuffer Run(string name)
    {
        using InferenceSession session = new(_folder[name]);
        return session.Run(QuantizationModels.ImageInputs())["y"];
    }

    // The numbers that the file's integers stand for.
    private float[] Dequantized(string weight)
    {
        ModelProto file = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_folder["q.onnx"]));
        TensorProto integers = file.Graph.Initializer.Single(tensor => tensor.Name == $"{weight}_quantized");
        float[] scales = MemoryMarshal.Cast<byte, float>(file.Graph.Initializer.Single(tensor => tensor.Name == $"{weight}_scale").RawData.Span).ToArray();
        int axis = (int)file.Graph.Node.Single(node => node.Output[0] == $"{weight}_dequantized").Attribute.Single(attribute => attribute.Name == "axis").I;
        byte[] data = File.ReadAllBytes(_folder["q.onnx.data"]);
        int offset = int.Parse(integers.ExternalData.Single(entry => entry.Key == "offset").Value, CultureInfo.InvariantCulture);
        long inner = integers.Dims.Skip(axis + 1).Aggregate(1L, (product, dimension) => product * dimension);
        long count = integers.Dims.Aggregate(1L, (product, dimension) => product * dimension);
        return [.. Enumerable.Range(0, (int)count).Select(i => (sbyte)data[offset + i] * scales[i / inner % integers.Dims[axis]])];
    }

    // ONNX Runtime makes products of bytes of what is quantized, and cuts off their sums on processors without VNNI: it computes node by node.
    private TensorBuffer TheirsOf(QuantizationScheme scheme, Dictionary<string, TensorBuffer> inputs) => Oracle.Run(_folder["q.onnx"], inputs, asWritten: scheme == QuantizationScheme.Weights8Activations8)["y"];

    private sealed class Recorder(Action<QuantizationProgress> action) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => action(value);
    }
}
