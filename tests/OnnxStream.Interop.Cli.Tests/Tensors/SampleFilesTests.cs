using System.IO.Compression;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class SampleFilesTests
{
    private TemporaryFolder _folder = null!;
    private Model _two = null!;
    private Model _one = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _one = Model.Load(TinyModel.Write(_folder));
        _two = Model.Load(new ProtoModel().Input("a/b", ElementType.Float32, 2).Input("c", ElementType.Float32, 2).Output("y").Node("Add", "a/b c", "y").Write(_folder, "two.onnx"));
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void Folders_of_folders_archives_and_numbered_files_are_samples_in_the_order_of_their_names()
    {
        Save("s/2/a_b.npy", 5, 6);
        Save("s/2/c.npy", 7, 8);
        Directory.CreateDirectory(_folder["s/1"]);
        TinyModel.WriteTensor(_folder["s/1/input_0.pb"], 1, 2);
        TinyModel.WriteTensor(_folder["s/1/input_1.pb"], 3, 4);
        TinyModel.WriteTensor(_folder["s/1/output_0.pb"], 9, 9);
        Archive("s/z.npz", ("a/b", [9, 10]), ("c", [11, 12]));
        Directory.CreateDirectory(_folder["s/other"]);
        SampleFiles files = SampleFiles.Find(_two, [_folder["s"]]);
        Assert.That(files.Count, Is.EqualTo(3));
        Assert.That(files.Read(int.MaxValue).Select(sample => ((TensorBuffer)sample["a/b"]).Span<float>()[0]), Is.EquivalentTo(new[] { 9f, 1, 5 }));
        Assert.That(files.Read(int.MaxValue).Select(sample => ((TensorBuffer)sample["c"]).Span<float>()[1]), Is.EquivalentTo(new[] { 12f, 4, 8 }));
        Assert.That(files.Read(2).Count(), Is.EqualTo(2));
    }

    [Test]
    public void Any_file_is_a_sample_of_a_model_with_one_input()
    {
        Save("s/photo1.npy", 1, 2, 3);
        Save("s/photo2.npy", 4, 5, 6);
        Assert.That(SampleFiles.Find(_one, [_folder["s"]]).Count, Is.EqualTo(2));
        Assert.That(SampleFiles.Find(_one, [_folder["s/photo2.npy"]]).Read(1).Single()["x"], Is.TypeOf<TensorBuffer>());
        Assert.That(() => SampleFiles.Find(_two, [_folder["s"]]), Throws.TypeOf<UsageException>().With.Message.Contains("no sample").And.Message.Contains("a/b"));
    }

    [Test]
    public void What_is_wrong_is_said_with_its_place()
    {
        Save("s/c.npy", 1, 2);
        Assert.That(() => SampleFiles.Find(_two, [_folder["s"]]).Read(1).ToList(), Throws.TypeOf<UsageException>().With.Message.Contains(_folder["s"]).And.Message.Contains("a/b"));
        Archive("wrong.npz", ("d", [1]));
        Assert.That(() => SampleFiles.Find(_two, [_folder["wrong.npz"]]).Read(1).ToList(), Throws.TypeOf<UsageException>().With.Message.Contains("'d'"));
        File.WriteAllText(_folder["text.npz"], "text");
        Assert.That(() => SampleFiles.Find(_two, [_folder["text.npz"]]).Read(1).ToList(), Throws.TypeOf<ModelFormatException>().With.Message.Contains("text.npz"));
        using (ZipArchive archive = ZipFile.Open(_folder["entries.npz"], ZipArchiveMode.Create))
        {
            archive.CreateEntry("readme.txt");
        }

        Assert.That(() => SampleFiles.Find(_two, [_folder["entries.npz"]]).Read(1).ToList(), Throws.TypeOf<ModelFormatException>().With.Message.Contains("readme.txt"));
        Save("twice/a_b.npy", 1, 2);
        TinyModel.WriteTensor(_folder["twice/input_0.pb"], 1, 2);
        Assert.That(() => SampleFiles.Find(_two, [_folder["twice"]]), Throws.TypeOf<UsageException>().With.Message.Contains("two files"));
    }

    private void Save(string name, params float[] elements)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        NpyFile.Save(_folder[name], TensorBuffer.Create<float>(elements, elements.Length));
    }

    private void Archive(string name, params (string Name, float[] Elements)[] tensors)
    {
        using ZipArchive archive = ZipFile.Open(_folder[name], ZipArchiveMode.Create);
        foreach ((string tensor, float[] elements) in tensors)
        {
            NpyFile.Save(_folder["entry.npy"], TensorBuffer.Create<float>(elements, elements.Length));
            archive.CreateEntryFromFile(_folder["entry.npy"], $"{tensor}.npy");
        }
    }
}
