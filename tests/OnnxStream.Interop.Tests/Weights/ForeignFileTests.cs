using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.Versioning;
using System.Text;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>Files and folders that are no models, as <see cref="Model.Load(string)"/> tells of them.</summary>
public class ForeignFileTests
{
    // Bytes as Latin-1 has them.
    private static readonly TestCaseData[] s_files =
    [
        new TestCaseData("\u001c\0\0\0TFL3\0\0\0\0", "a TensorFlow Lite model. Convert it with tf2onnx").SetArgDisplayNames("tflite"),
        new TestCaseData("\u0020\0\0\0ORTM\0\0\0\0", "ONNX Runtime's own format. Use the .onnx file that it was made from").SetArgDisplayNames("ort"),
        new TestCaseData("GGUF\u0003\0\0\0", "a GGUF file. Give it a name that ends in .gguf").SetArgDisplayNames("gguf"),
        new TestCaseData("\u0014\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"}}", "a safetensors file, which holds weights without a graph. Export").SetArgDisplayNames("safetensors"),
        new TestCaseData("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9", "a Python pickle, as PyTorch saves checkpoints. Export").SetArgDisplayNames("pickle"),
        new TestCaseData("\u0080\u0004\u0095\u0010\0\0\0\0\0\0\0", "a Python pickle").SetArgDisplayNames("pickle of protocol 4"),
        new TestCaseData("\u0008\u0004\u0012\u0002\u0012\0\u00a2\u001f\u0004....", "a Core ML model. Use the .onnx file").SetArgDisplayNames("mlmodel of a neural network"),
        new TestCaseData("\u0008\u0007\u0012\u0002\u0012\0\u00b2\u001f\u0004....", "a Core ML model").SetArgDisplayNames("mlmodel of a program"),
        new TestCaseData("\u0008\u0001\u0012\u0006\n\u0004....", "a SavedModel of TensorFlow. Convert it").SetArgDisplayNames("saved_model.pb"),
        new TestCaseData("\n\u0012\n\u0001x\u0012\u000bPlaceholder", "a graph of TensorFlow. Convert it").SetArgDisplayNames("frozen graph"),
        new TestCaseData("\u0089HDF\r\n\u001a\n\0\0", "an HDF5 file, as Keras saves models. Convert it").SetArgDisplayNames("h5"),
        new TestCaseData("ptrt\u0001\0\0\0", "a TensorRT engine, compiled for one kind of GPU").SetArgDisplayNames("engine"),
        new TestCaseData("<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">\n</net>", "a network of OpenVINO. Use the .onnx file").SetArgDisplayNames("OpenVINO"),
        new TestCaseData("<?xml version=\"1.0\"?><a/>", "a text in XML").SetArgDisplayNames("XML"),
        new TestCaseData("\r\n<!DOCTYPE HTML>\n<html>", "a web page, such as a page about the file, or an error. Download the file itself").SetArgDisplayNames("HTML"),
        new TestCaseData("\u00ef\u00bb\u00bf<html lang='\u00c3\u00a9'>", "a web page").SetArgDisplayNames("HTML with a mark of its encoding"),
        new TestCaseData("{\"error\": \"Repository not found\"}", "a text in JSON").SetArgDisplayNames("JSON"),
        new TestCaseData("Entry not found", "an error of a server. Download the file itself").SetArgDisplayNames("an answer"),
        new TestCaseData("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "'git lfs pull' brings the file itself").SetArgDisplayNames("a pointer"),
        new TestCaseData("ir_version: 8\nproducer_name: \"x\"\n", "an ONNX model in protobuf's text form").SetArgDisplayNames("textproto"),
        new TestCaseData("a:Relu*input:x(1)*output:y(1)\n", "the model.txt of an OnnxStream folder. Give it that name, or name the folder").SetArgDisplayNames("model.txt by another name"),
        new TestCaseData("\u001f\u008b\u0008\0\0\0\0\0", "an archive (gzip). Unpack it").SetArgDisplayNames("gzip"),
        new TestCaseData("\u0028\u00b5\u002f\u00fd\0", "an archive (zstd). Unpack it").SetArgDisplayNames("zstd"),
        new TestCaseData("OSPANEL3........", "a panel store of this library").SetArgDisplayNames("a panel store"),
        new TestCaseData("\u007fELF\u0002\u0001", "a program or library").SetArgDisplayNames("ELF"),
    ];

    [TestCaseSource(nameof(s_files))]
    public void ContentsAreToldByHowTheyBegin(string content, string expected) => AssertTold("model.onnx", Encoding.Latin1.GetBytes(content), expected);

    [TestCase("archive/data.pkl", "a PyTorch checkpoint. Export the network")]
    [TestCase("model.weights.h5", "a Keras model. Convert it")]
    [TestCase("m.mlpackage/Data/com.apple.CoreML/model.mlmodel", "a Core ML package")]
    [TestCase("x.npy", "an archive of NumPy arrays")]
    [TestCase("model.onnx", "an archive (zip). Unpack it")]
    public void ArchivesAreToldByTheirEntries(string entry, string expected)
    {
        using MemoryStream bytes = new();
        using (ZipArchive archive = new(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            using Stream first = archive.CreateEntry("0", CompressionLevel.NoCompression).Open();
            first.Write(new byte[100_000]);
            first.Close();
            archive.CreateEntry(entry).Open().Dispose();
        }

        AssertTold("model.onnx", bytes.ToArray(), expected);
    }

    [TestCase("m.engine", "Its name is that of a TensorRT engine")]
    [TestCase("m.PTH", "Its name is that of a PyTorch checkpoint")]
    [TestCase("m.onnx_data", "Its name is that of the external data of an ONNX model. Use the .onnx file beside it.")]
    public void WhatContentsDoNotSayNamesDo(string name, string expected) => AssertTold(name, [7, 7, 7, 7, 1, 2, 3, 255], expected);

    [Test]
    public void NothingIsMadeUp() => Assert.That(ForeignFile.Describe(new MemorySource("m.onnx", [7, 7, 7, 7, 1, 2, 3, 255])), Is.Null);

    [TestCase("version https://git-lfs.github.com/spec/v1\n", "'git lfs pull'")]
    [TestCase("<html></html>", "a web page")]
    [TestCase("a\u0081\u0082", "is not text in UTF-8")]
    public void DescriptionsOfFoldersAreToldToo(string content, string expected) => AssertTold("model.txt", Encoding.Latin1.GetBytes(content), expected);

    [Test]
    public void WeightsThatArePointersAreTold()
    {
        using TemporaryFolder folder = new();
        folder.Write("model.txt", "a:Add*input:x(999);w.bin(float32:999)*output:y(999)\n");
        folder.Write("w.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n");
        Assert.That(() => Model.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("w.bin").And.Message.Contains("'git lfs pull'"));
    }

    [TestCase("a.onnx b.onnx", "It holds 'a.onnx', 'b.onnx': name one of them.")]
    [TestCase("saved_model.pb", "a SavedModel of TensorFlow")]
    [TestCase("Manifest.json", "a Core ML package")]
    [TestCase("config.json model-00001-of-00002.safetensors", "a checkpoint without a graph")]
    [TestCase("model_index.json", "a pipeline of several models")]
    [TestCase("", "holds neither model.txt nor model.onnx.")]
    public void FoldersAreTold(string files, string expected)
    {
        using TemporaryFolder folder = new();
        foreach (string file in files.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            folder.Write(file, "");
        }

        Assert.That(() => Model.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected));
    }

    [TestCase("pipe.onnx")]
    [TestCase("model.txt")]
    [Platform("Linux,MacOsX")]
    [CancelAfter(20_000)]
    public void PipesAreRefusedAndNotWaitedFor(string name)
    {
        using TemporaryFolder folder = new();
        using (Process process = Process.Start("mkfifo", folder[name]))
        {
            process.WaitForExit();
        }

        Task<Exception> load = Task.Run(() => (Exception)Assert.Throws<ModelFormatException>(() => Model.Load(folder[name]))!);
        Assert.That(load.Wait(10_000), "the pipe was opened");
        Assert.That(load.Result.Message, Does.Contain("If it is a pipe or a device, write what comes out of it into a file"));
    }

    [TestCase("/dev/null")]
    [TestCase("/dev/zero")]
    [TestCase("/dev/stdin")]
    [Platform("Linux")]
    public void DevicesAreRefused(string path) => Assert.That(() => Model.Load(path), Throws.TypeOf<ModelFormatException>().Or.TypeOf<FileNotFoundException>());

    [TestCase("m.onnx")]
    [TestCase("model.txt")]
    public void FilesThatCannotBeOpened(string name)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write(name, "hello");
        using FileStream exclusive = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.That(() => Model.Load(path), Throws.TypeOf<WeightsException>().With.Message.StartsWith($"{path}: cannot be opened: "));
    }

    [TestCase("m.onnx")]
    [TestCase("model.txt")]
    [Platform("Linux,MacOsX")]
    [UnsupportedOSPlatform("windows")]
    public void FilesThatMustNotBeRead(string name)
    {
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Ignore("The superuser may read every file.");
        }

        using TemporaryFolder folder = new();
        string path = folder.Write(name, "hello");
        File.SetUnixFileMode(path, UnixFileMode.None);
        Assert.That(() => Model.Load(path), Throws.TypeOf<WeightsException>().With.Message.Contains("denied"));
    }

    private static void AssertTold(string name, byte[] content, string expected)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write(name, content);
        Assert.That(() => Model.Load(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected).And.Message.StartsWith(path));
    }
}
