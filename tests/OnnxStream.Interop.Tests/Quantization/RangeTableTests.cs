using Google.Protobuf;

namespace OnnxStream.Interop.Tests.Quantization;

public class RangeTableTests
{
    private TemporaryFolder _folder = null!;
    private Model _model = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _model = Model.Load(_folder.Write("model.onnx", QuantizationModels.Image().ToBytes()));
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void FilesGoThereAndBack()
    {
        RangeTable table = new Calibration(_model, new SessionOptions()) { Method = CalibrationMethod.Entropy }.Run([QuantizationModels.ImageInputs()]);
        string path = _folder["ranges.json"];
        table.Save(path, _model);
        RangeTable read = RangeTable.Load(path, _model);
        Assert.That(read.Ranges, Is.EqualTo(table.Ranges));
        Assert.That((read.Method, read.SampleCount), Is.EqualTo((CalibrationMethod.Entropy, 1)));
        Assert.That(Directory.GetFiles(_folder.Path, "*.partial"), Is.Empty);

        // The same model elsewhere.
        File.Copy(_folder["model.onnx"], _folder["copy.onnx"]);
        Assert.That(RangeTable.Load(path, Model.Load(_folder["copy.onnx"])).Ranges, Is.EqualTo(table.Ranges));
    }

    [Test]
    public void FilesOfOnnxStreamGoThereAndBack()
    {
        RangeTable table = new Calibration(_model, new SessionOptions()) { HasOperatorResults = true }.Run([QuantizationModels.ImageInputs()]);
        string path = _folder["range_data.txt"];
        table.Save(path, _model);
        string[] lines = File.ReadAllText(path).Split("\r\n");
        Assert.That(lines[^1], Is.Empty);
        Assert.That(lines.Select(line => line.Split(',')[0]), Does.Contain("Conv_0").And.Contain("Add_3").And.Contain("Sigmoid_4").And.Contain("Mul_5"));
        RangeTable read = RangeTable.Load(path, _model);
        foreach (string name in (string[])["c", "d", "s", "u", "m", "e", "y"])
        {
            Assert.That((read.Find(name)!.Minimum, read.Find(name)!.Maximum), Is.EqualTo((table.Find(name)!.Minimum, table.Find(name)!.Maximum)), name);
        }

        read.Save(_folder["again.txt"], _model);
        Assert.That(File.ReadAllBytes(_folder["again.txt"]), Is.EqualTo(File.ReadAllBytes(path)));
    }

    // As the original writes it, by printf("%f"), with either line end; one range covers all outputs of a node.
    [Test]
    public void LinesOfTheOriginalAreRead()
    {
        Model model = Model.Load(_folder.Write("split.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 4, 6).Output("a").Output("b").Node("Split", "x s", "a b", ("axis", 1)).Initializer("s", TestTensors.Integers(2, 4)).ToBytes()));
        RangeTable table = RangeTable.Load(_folder.Write("range_data.txt", "\nSplit_0,-1.500000,2.250000\r\n\r\n"), model);
        Assert.That(table.Ranges, Is.EqualTo(new[] { new ValueRange("a", -1.5f, 2.25f), new ValueRange("b", -1.5f, 2.25f) }));
    }

    [TestCase("Conv_0,1,2\nConv_9,0,1\n", "Conv_9", "another model")]
    [TestCase("Conv_0,1\n", "line 1")]
    [TestCase("Conv_0,0,1\nConv_2,2,1\n", "line 2", "Conv_2,2,1")]
    [TestCase("Conv_0,0,nan\n", "line 1")]
    [TestCase("Conv_0,-inf,0\n", "line 1")]
    [TestCase("Conv_0,0,1\r\nConv_0,0,1\r\n", "line 2", "already")]
    [TestCase("", "found none")]
    public void WrongLinesAreRefused(string text, params string[] parts) => AssertRefused("range_data.txt", text, parts);

    [TestCase("{}", "not a table of ranges")]
    [TestCase("[", "not a table of ranges")]
    [TestCase("""{"version":2,"ranges":[]}""", "version 2", "expected 1")]
    [TestCase("""{"version":1,"ranges":[{"value":"x","minimum":1,"maximum":0}]}""", "'x'", "from 1 to 0")]
    [TestCase("""{"version":1,"ranges":[{"value":"x","minimum":0,"maximum":1},{"value":"x","minimum":0,"maximum":1}]}""", "'x' has two ranges")]
    [TestCase("""{"version":1,"ranges":[{"value":"x","minimum":"a","maximum":1}]}""", "not a table of ranges")]
    [TestCase("""{"version":1,"ranges":[{"value":"x","minimum":0,"maximum":1e99}]}""", "'x'")]
    [TestCase("""{"version":1,"ranges":[{"value":"x","minimum":0,"maximum":1,"loss":-1}]}""", "loss")]
    [TestCase("""{"version":1,"method":"magic","ranges":[]}""", "magic")]
    [TestCase("""{"version":1,"model":"0123","ranges":[]}""", "another model")]
    public void WrongFilesAreRefused(string text, params string[] parts) => AssertRefused("ranges.json", text, parts);

    [Test]
    public void ATableOfAnotherModelIsRefused()
    {
        RangeTable table = new Calibration(_model, new SessionOptions()).Run([QuantizationModels.ImageInputs()]);
        table.Save(_folder["ranges.json"], _model);
        ModelBuilder other = QuantizationModels.Image();
        other.Graph.Initializer.Single(tensor => tensor.Name == "a").RawData = ByteString.CopyFrom(TestTensors.Floats(99, 32, 8, 3, 3).Bytes);
        Model trained = Model.Load(_folder.Write("other.onnx", other.ToBytes()));
        Assert.That(() => RangeTable.Load(_folder["ranges.json"], trained), Throws.TypeOf<ModelFormatException>().With.Message.Contains("another model").And.Message.Contains("other.onnx"));
        Assert.That(() => RangeTable.Load(_folder["nothing.json"], trained), Throws.TypeOf<FileNotFoundException>());
    }

    [Test]
    public void NamesThatTheFormatCannotHoldAreRefused()
    {
        ModelBuilder builder = QuantizationModels.Image();
        builder.Nodes[0].Name = "first,second";
        Model model = Model.Load(_folder.Write("commas.onnx", builder.ToBytes()));
        Assert.That(() => new RangeTable([new ValueRange("c", 0, 1)]).Save(_folder["r.txt"], model), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("first,second"));
        Assert.That(File.Exists(_folder["r.txt"]), Is.False);
    }

    private void AssertRefused(string name, string text, string[] parts)
    {
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => RangeTable.Load(_folder.Write(name, text), _model));
        Assert.That(exception.Message, Does.Contain(_folder[name]));
        foreach (string part in parts)
        {
            Assert.That(exception.Message, Does.Contain(part));
        }
    }
}
