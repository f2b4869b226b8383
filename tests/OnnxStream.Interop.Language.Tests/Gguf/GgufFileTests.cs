using System.Buffers.Binary;
using System.Text;
using OnnxStream.Interop.Gguf;

namespace OnnxStream.Interop.Language.Tests.Gguf;

/// <summary>GGUF files say what they are, and one that is damaged or of another kind is one clear error before anything is computed.</summary>
public class GgufFileTests
{
    private byte[] _bytes = null!;
    private string _path = null!;

    [SetUp]
    public void Read()
    {
        _path = Path.Combine(Directory.CreateTempSubdirectory("onnxstream-").FullName, "model.gguf");
        _bytes = File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Gguf", "Tables", "llama.gguf"));
    }

    [TearDown]
    public void Delete() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Test]
    public void AFileSaysWhatItHolds()
    {
        File.WriteAllBytes(_path, _bytes);
        GgufFile file = GgufFile.Read(_path);
        Assert.That((file.Architecture, file.FindInteger("llama.block_count"), file.FindNumber("llama.rope.freq_base")), Is.EqualTo(("llama", (long?)2, (double?)10000)));
        Assert.That(file.FindTexts("tokenizer.ggml.tokens"), Has.Count.EqualTo(64));
        Assert.That(file.FindNumbers("tokenizer.ggml.scores")![4], Is.EqualTo(-1));
        Assert.That(file.FindTensor("blk.1.ffn_down.weight")!.ToString(), Is.EqualTo("blk.1.ffn_down.weight: f32[32,48]"));
        Assert.That((file.FindText("no such key"), file.FindTensor("no such tensor")), Is.EqualTo(((string?)null, (GgufTensor?)null)));
        Assert.That(() => file.FindFlag("general.name"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("general.name"));
        Model model = Model.Load(_path);
        Assert.That((model.Format, model.Inputs.Count, model.Outputs.Count), Is.EqualTo(("GGUF", 6, 5)));
    }

    [TestCase("GGUF", "FUGG", "GGUF")]
    [TestCase("llama.block_count", "llama.block_cound", "llama.block_count")]
    [TestCase("blk.0.attn_k.weight", "blk.0.attn_x.weight", "attn_k")]
    [TestCase("blk.1.attn_norm.weight", "blk.0.attn_norm.weight", "two tensors")]
    [TestCase("general.name", "llama.rope.fr", "")]
    public void WhatIsNamedWronglyIsRefused(string old, string replacement, string expected)
    {
        int at = _bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(old));
        Encoding.ASCII.GetBytes(replacement.PadRight(old.Length)[..old.Length]).CopyTo(_bytes, at);
        if (expected.Length > 0)
        {
            Refuse(expected);
        }
        else
        {
            // What nobody asks for may be there.
            File.WriteAllBytes(_path, _bytes);
            Assert.That(() => Model.Load(_path), Throws.Nothing);
        }
    }

    [Test]
    public void AFamilyThatIsNotKnownIsRefusedByName()
    {
        int at = _bytes.AsSpan().IndexOf("general.architecture"u8) + "general.architecture".Length + sizeof(uint) + sizeof(ulong);
        "mamba"u8.CopyTo(_bytes.AsSpan(at));
        Refuse("'mamba' is not supported; supported are llama, qwen2");
    }

    [Test]
    public void ATypeOfNumbersThatIsNotKnownIsRefusedByName()
    {
        int at = TypeOf("token_embd.weight");
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), 16);
        Refuse("iq2_xxs");
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), 999);
        Refuse("999");
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), 12);
        Refuse("blocks of 256 numbers");
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), 28);
        Refuse("token_embd.weight");
    }

    [Test]
    public void PlacesOutsideOfTheFileAreRefused()
    {
        int at = TypeOf("output.weight") + sizeof(uint);
        foreach (long place in (long[])[1, 1L << 40, long.MinValue, long.MaxValue, _bytes.Length / 32 * 32])
        {
            BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(at), place);
            Refuse("output.weight");
        }
    }

    [Test]
    public void OtherVersionsAreRefused([Values(0u, 1u, 4u, 0x03000000u)] uint version)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(4), version);
        Refuse(version == 0x03000000 ? "byte order" : $"version {version}");
    }

    [Test]
    public void CountsThatTheFileHasNoRoomForAreRefused([Values(8, 16)] int at, [Values(1L << 21, long.MaxValue, -1L)] long count)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(at), count);
        Refuse("the number of");
    }

    [Test]
    public void AFileThatIsCutOffAnywhereIsRefused()
    {
        byte[] whole = _bytes;
        Random random = new(1);
        foreach (int length in Enumerable.Range(0, 60).Select(_ => random.Next(whole.Length)).Append(0).Append(3).Append(whole.Length - 33))
        {
            _bytes = whole[..length];
            Refuse("");
        }
    }

    [Test]
    public void AFolderIsNoFile()
    {
        Assert.That(() => LanguageModel.FromFile(Path.Combine(Path.GetDirectoryName(_path)!, "none.gguf")), Throws.TypeOf<FileNotFoundException>());
        File.WriteAllBytes(_path, _bytes);
        Assert.That(() => LanguageModel.FromFolder(_path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("FromFile"));
    }

    private int TypeOf(string tensor)
    {
        int at = _bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(tensor)) + tensor.Length;
        int rank = (int)BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));
        return at + sizeof(uint) + rank * sizeof(ulong);
    }

    private void Refuse(string expected)
    {
        File.WriteAllBytes(_path, _bytes);
        Assert.That(() => Model.Load(_path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected).And.Message.Contains(_path));
    }
}
