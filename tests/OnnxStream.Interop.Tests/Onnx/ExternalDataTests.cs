using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Onnx;

public class ExternalDataTests
{
    [TestCase("w.data", null, null)]
    [TestCase("w.data", "0", "1600")]
    [TestCase("w.data", "64", null)]
    [TestCase("sub/deep/w.data", "64", "1600")]
    [TestCase("sub\\deep\\w.data", "64", "1600", Description = "written on Windows")]
    [TestCase("./w.data", null, null)]
    public void Places(string location, string? offset, string? length)
    {
        using TemporaryFolder folder = new();
        string file = folder[location.Replace('\\', '/')];
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, new byte[2000]);
        Constant constant = Load(folder, location, offset, length).Graph.Nodes[0].Inputs[1]!.Constant!;
        WeightRange range = constant.Location!.Value;
        Assert.That(range, Is.EqualTo(new WeightRange("w", range.Source, offset is null ? 0 : long.Parse(offset), 1600)));
        Assert.That(range.Source.LocalPath, Is.EqualTo(Path.GetFullPath(file)));
    }

    [Test]
    public void SmallDataIsRead()
    {
        using TemporaryFolder folder = new();
        folder.Write("w.data", [9, 9, 9, 9, 1, 2, 3, 4]);
        Assert.That(Load(folder, "w.data", "4", null, count: 1).Graph.Nodes[0].Inputs[1]!.Constant!.Data, Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    [TestCase("/etc/hostname")]
    [TestCase("../w.data")]
    [TestCase("sub/../../w.data")]
    [TestCase("..\\w.data")]
    [TestCase("..")]
    [TestCase("C:\\w.data")]
    [TestCase("\\\\server\\share\\w.data")]
    [TestCase("w.data:stream")]
    [TestCase("a\0b")]
    public void PlacesOutsideOfTheFolder(string location)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["w.data"], new byte[2000]);
        Directory.CreateDirectory(folder["model"]);
        Assert.That(() => Load(folder, location, null, null, "model/m.onnx"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'w'").And.Message.Contains("leaves the model's folder"));
    }

    [TestCase("missing.data")]
    [TestCase("folder")]
    public void PlacesThatAreNoFiles(string location)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["folder"]);
        Assert.That(() => Load(folder, location, null, null), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'w'").And.Message.Contains("does not exist"));
    }

    [TestCase("pipe", 400)]
    [TestCase("pipe", 0)]
    [Platform("Linux,MacOsX")]
    [CancelAfter(20_000)]
    public void PipesAreNotOpened(string location, long count)
    {
        // Whoever opens a pipe that nobody writes to waits for ever.
        using TemporaryFolder folder = new();
        using (System.Diagnostics.Process process = System.Diagnostics.Process.Start("mkfifo", folder["pipe"]))
        {
            process.WaitForExit();
        }

        Task<Exception?> load = Task.Run(() =>
        {
            try
            {
                Load(folder, location, null, null, count: count);
                return null;
            }
            catch (ModelFormatException exception)
            {
                return (Exception)exception;
            }
        });
        Assert.That(load.Wait(TimeSpan.FromSeconds(10)), Is.True, "it waits");
        Assert.That(load.Result?.Message, count == 0 ? Is.Null : Does.Contain("but the file has 0 bytes"));
    }

    [TestCase("", null, null, "without a location")]
    [TestCase(null, null, null, "without a location")]
    [TestCase("w.data", "-1", null, "offset '-1'")]
    [TestCase("w.data", "x", null, "offset 'x'")]
    [TestCase("w.data", null, "-5", "length '-5'")]
    [TestCase("w.data", null, "99999999999999999999", "length '99999999999999999999'")]
    [TestCase("w.data", null, "1599", "needs 1,600 bytes")]
    [TestCase("w.data", null, "1601", "needs 1,600 bytes")]
    [TestCase("w.data", "401", null, "should lie at bytes 401 to 2,001, but the file has 2,000")]
    [TestCase("w.data", "9223372036854775807", null, "but the file has 2,000")]
    public void WrongPlaces(string? location, string? offset, string? length, string message)
    {
        using TemporaryFolder folder = new();
        folder.Write("w.data", new byte[2000]);
        Assert.That(() => Load(folder, location, offset, length), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'w'").And.Message.Contains(message));
    }

    [Test]
    public void LinksOutsideOfTheFolder([Values("link.data", "sub/w.data", "chain.data")] string location)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["model"]);
        Directory.CreateDirectory(folder["other"]);
        folder.Write("other/w.data", new byte[2000]);
        File.CreateSymbolicLink(folder["model/link.data"], folder["other/w.data"]);
        File.CreateSymbolicLink(folder["model/chain.data"], "link.data");
        Directory.CreateSymbolicLink(folder["model/sub"], "../other");
        Assert.That(() => Load(folder, location, null, null, "model/m.onnx"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("outside of the model's folder"));
    }

    [Test]
    public void LinksInsideOfTheFolder([Values("link.data", "sub/w.data", "chain.data")] string location)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["blobs"]);
        folder.Write("blobs/w.data", new byte[2000]);
        File.CreateSymbolicLink(folder["link.data"], "blobs/w.data");
        File.CreateSymbolicLink(folder["chain.data"], folder["link.data"]);
        Directory.CreateSymbolicLink(folder["sub"], "blobs");
        Assert.That(Load(folder, location, null, null).Graph.Nodes[0].Inputs[1]!.Constant!.Location!.Value.Length, Is.EqualTo(1600));
    }

    [Test]
    public void BrokenAndCircularLinks([Values] bool circular)
    {
        using TemporaryFolder folder = new();
        File.CreateSymbolicLink(folder["link.data"], circular ? "link.data" : "nothing.data");
        Assert.That(() => Load(folder, "link.data", null, null), Throws.TypeOf<ModelFormatException>().With.Message.Contains("link.data"));
    }

    [Test]
    public void TheModelMayBeALinkItself()
    {
        // Weights are looked for beside the link, as download caches lay them out.
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["snapshot"]);
        folder.Write("snapshot/w.data", new byte[2000]);
        Load(folder, "w.data", null, null, "snapshot/real.onnx");
        File.Move(folder["snapshot/real.onnx"], folder["blob"]);
        File.CreateSymbolicLink(folder["snapshot/m.onnx"], "../blob");
        Assert.That(Model.Load(folder["snapshot/m.onnx"]).Graph.Nodes, Has.Count.EqualTo(1));
    }

    // models--O--N/snapshots/REVISION/model.onnx -> ../../blobs/HASH, and deeper files with more dots.
    [TestCase("models--me--net/snapshots/r1", "../../blobs")]
    [TestCase("models--me--net/snapshots/r1/onnx", "../../../blobs")]
    [TestCase("models--me--net/snapshots/r1", "../r0")]
    [TestCase("models--me--net/snapshots/r1", "ROOT/models--me--net/blobs")]
    public void LinksInsideOfAnEntryOfHuggingFacesCache(string snapshot, string blobs)
    {
        using TemporaryFolder folder = new();
        blobs = blobs.Replace("ROOT", folder.Path, StringComparison.Ordinal);
        string target = Path.GetFullPath(Path.Combine(folder[snapshot], blobs));
        Directory.CreateDirectory(folder[snapshot]);
        Directory.CreateDirectory(target);
        Link(folder, snapshot, blobs, target);
        Model model = Model.Load(folder[$"{snapshot}/model.onnx"]);
        Assert.That(model.Graph.Nodes[0].Inputs[1]!.Constant!.Location!.Value.Length, Is.EqualTo(1600));
        using InferenceSession session = new(model);
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, 400) }).Outputs, Has.Count.EqualTo(1));
    }

    [TestCase("models--me--net/snapshots/r1", "../../../blobs")]
    [TestCase("models--me--net/snapshots/r1", "../../../models--me--net2/blobs")]
    [TestCase("models--me--net/snapshots/r1", "ROOT/models--me--net2/blobs")]
    [TestCase("models--me--net/snapshots/r1", "../../away")]
    [TestCase("models--me--net/snapshots", "../blobs")]
    [TestCase("models--me--net/r1", "../blobs")]
    [TestCase("me--net/snapshots/r1", "../../blobs")]
    public void LinksOutsideOfAnEntryOfHuggingFacesCache(string snapshot, string blobs)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["elsewhere"]);
        Directory.CreateDirectory(folder[snapshot]);
        Directory.CreateDirectory(folder["models--me--net"]);
        Directory.CreateSymbolicLink(folder["models--me--net/away"], folder["elsewhere"]);
        blobs = blobs.Replace("ROOT", folder.Path, StringComparison.Ordinal);
        string target = Path.GetFullPath(Path.Combine(folder[snapshot], blobs));
        Directory.CreateDirectory(target);
        Link(folder, snapshot, blobs, target);
        Assert.That(() => Model.Load(folder[$"{snapshot}/model.onnx"]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("a link leads from 'model.onnx_data' outside of"));
    }

    [Test]
    public void ModelInTheRootFolder()
    {
        Assert.That(() => new ExternalData(ModelEntry.OfFile("/m.onnx")).Locate(new TensorProto { Name = "w", ExternalData = { new StringStringEntryProto { Key = "location", Value = "no such file" } } }, 4), Throws.TypeOf<ModelFormatException>().With.Message.Contains("does not exist"));
    }

    // A model and its data in one folder, links to both in another.
    private static void Link(TemporaryFolder folder, string snapshot, string blobs, string target)
    {
        File.WriteAllBytes(Path.Combine(target, "5678"), new byte[2000]);
        File.WriteAllBytes(folder[$"{snapshot}/model.onnx_data"], new byte[2000]);
        Load(folder, "model.onnx_data", null, null, $"{snapshot}/model.onnx");
        File.Delete(folder[$"{snapshot}/model.onnx_data"]);
        File.Move(folder[$"{snapshot}/model.onnx"], Path.Combine(target, "1234"));
        File.CreateSymbolicLink(folder[$"{snapshot}/model.onnx"], $"{blobs}/1234");
        File.CreateSymbolicLink(folder[$"{snapshot}/model.onnx_data"], $"{blobs}/5678");
    }

    private static Model Load(TemporaryFolder folder, string? location, string? offset, string? length, string path = "m.onnx", long count = 400)
    {
        ModelProto model = new ModelBuilder(13).Input("x", ElementType.Float32, count).Node("Add", "x w", "y").Output("y").Build();
        TensorProto tensor = new() { Name = "w", DataType = 1, Dims = { count }, DataLocation = TensorProto.Types.DataLocation.External };
        foreach ((string key, string? value) in new[] { ("location", location), ("offset", offset), ("length", length), ("checksum", "ignored") })
        {
            if (value is not null)
            {
                tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
            }
        }

        model.Graph.Initializer.Add(tensor);
        return Model.Load(folder.Write(path, model.ToByteArray()));
    }
}
