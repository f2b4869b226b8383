using System.Buffers.Binary;
using System.Text;

namespace OnnxStream.Interop.Weights;

/// <summary>Says what a file is that was taken for a model, and what to do about it.</summary>
internal static class ForeignFile
{
    private const string ExportPyTorch = "Export the network with torch.onnx.export, or 'optimum-cli export onnx --model NAME FOLDER', and use the .onnx file.";
    private const string ExportTensorFlow = "Convert it with tf2onnx ('python -m tf2onnx.convert'), and use the .onnx file.";
    private const string Unpack = "Unpack it, and use the .onnx file or the folder in it.";
    private const string Original = "Use the .onnx file that it was made from.";
    private const string Download = "Download the file itself.";

    private const int HeadBytes = 64 << 10;
    private const int LongestQuotation = 32;

    private delegate bool Match(ReadOnlySpan<byte> start, long length);

    // Formats by their first bytes, in this order.
    private static readonly (Match Matches, string What)[] s_binaries =
    [
        (Begins(4, "TFL3"u8), $"a TensorFlow Lite model. {ExportTensorFlow}"),
        (Begins(4, "ORTM"u8), $"a model in ONNX Runtime's own format. {Original}"),
        (Begins(4, "ET12"u8), $"an ExecuTorch program. {ExportPyTorch}"),
        (Begins(0, "GGUF"u8), "a GGUF file. Give it a name that ends in .gguf: then it is read as one."),
        (Begins(0, "lmgg"u8), $"a GGML file, which holds weights without a graph. {ExportPyTorch}"),
        (Begins(0, "ptrt"u8), $"a TensorRT engine, compiled for one kind of GPU. {Original}"),
        (Begins(0, "trtp"u8), $"a TensorRT engine, compiled for one kind of GPU. {Original}"),
        (Begins(0, "ftrt"u8), $"a TensorRT engine, compiled for one kind of GPU. {Original}"),
        (Begins(0, "trtf"u8), $"a TensorRT engine, compiled for one kind of GPU. {Original}"),
        (Begins(0, "\x89HDF\r\n\x1a\n"), $"an HDF5 file, as Keras saves models. {ExportTensorFlow}"),
        (IsSafetensors, $"a safetensors file, which holds weights without a graph. {ExportPyTorch}"),
        (IsPickle, $"a Python pickle, as PyTorch saves checkpoints. {ExportPyTorch}"),
        (Begins(0, "\x93NUMPY"), "a NumPy array, not a model."),
        (Begins(0, "\x1f\x8b"), $"an archive (gzip). {Unpack}"),
        (Begins(0, "\x28\xb5\x2f\xfd"), $"an archive (zstd). {Unpack}"),
        (Begins(0, "\xfd" + "7zXZ"), $"an archive (xz). {Unpack}"),
        (Begins(0, "BZh"u8), $"an archive (bzip2). {Unpack}"),
        (Begins(0, "7z\xbc\xaf\x27\x1c"), $"an archive (7z). {Unpack}"),
        (Begins(257, "ustar"u8), $"an archive (tar). {Unpack}"),
        (Begins(0, "\x7f" + "ELF"), "a program or library for Linux, not a model."),
        (Begins(0, "OSPANEL"u8), "a panel store of this library, made from a model. Use the model; the store is found beside it."),
    ];

    // Texts by how they begin; leading white space and the case of letters do not count.
    private static readonly (string Start, string What)[] s_texts =
    [
        ("version https://git-lfs", "a pointer of Git LFS: 'git lfs pull' brings the file itself."),
        ("<!doctype html", $"a web page, such as a page about the file, or an error. {Download}"),
        ("<html", $"a web page, such as a page about the file, or an error. {Download}"),
        ("ir_version:", "an ONNX model in protobuf's text form. Write the binary form: onnx.save(onnx.load(FILE, format='textproto'), 'model.onnx') in Python."),
        ("<ir_version", "an ONNX model in ONNX's text form. Write the binary form: onnx.save(onnx.parser.parse_model(TEXT), 'model.onnx') in Python."),
        ("<", $"a text in XML."),
        ("{", $"a text in JSON: a configuration, an index of other files, or an error of a server. Use the .onnx file."),
        ("[", $"a text in JSON: a configuration, an index of other files, or an error of a server. Use the .onnx file."),
        ("entry not found", $"an error of a server. {Download}"),
        ("access to", $"an error of a server. {Download}"),
        ("invalid username or password", $"an error of a server. {Download}"),
        ("7767517", "a network of ncnn. Use the .onnx file that it was made from."),
    ];

    // For what cannot be told from the content.
    private static readonly Dictionary<string, string> s_names = new(StringComparer.OrdinalIgnoreCase)
    {
        [".engine"] = $"a TensorRT engine, compiled for one kind of GPU. {Original}",
        [".plan"] = $"a TensorRT engine, compiled for one kind of GPU. {Original}",
        [".pt"] = $"a PyTorch checkpoint. {ExportPyTorch}",
        [".pth"] = $"a PyTorch checkpoint. {ExportPyTorch}",
        [".ckpt"] = $"a checkpoint. {ExportPyTorch}",
        [".h5"] = $"a Keras model. {ExportTensorFlow}",
        [".tflite"] = $"a TensorFlow Lite model. {ExportTensorFlow}",
        [".pb"] = $"a TensorFlow graph. {ExportTensorFlow}",
        [".mlmodel"] = $"a Core ML model. {Original}",
        [".caffemodel"] = "weights of Caffe.",
        [".onnx_data"] = "the external data of an ONNX model. Use the .onnx file beside it.",
        [".data"] = "the external data of an ONNX model. Use the .onnx file beside it.",
    };

    /// <summary>What <see cref="Describe"/> says, behind a space; the empty text where nothing is known.</summary>
    public static string Sentence(WeightSource source) => Describe(source) is { } sentence ? $" {sentence}" : "";

    /// <summary>One or more sentences about a file that is no model, or null where nothing is known. Never throws for what is in the file, or that it cannot be read.</summary>
    public static string? Describe(WeightSource source)
    {
        try
        {
            // A pipe has no length, and whoever opens one waits.
            if (source.CheckedLength() == 0)
            {
                return null;
            }

            using Stream file = source.OpenStream();
            byte[] head = new byte[(int)Math.Min(HeadBytes, file.Length)];
            ReadOnlySpan<byte> start = head.AsSpan(0, file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false));
            string? what = OfBinary(start, file) ?? OfText(start) ?? OfMessage(start);
            return what is not null ? $"It is {what}" :
                s_names.TryGetValue(Path.GetExtension(source.Id), out string? name) ? $"Its name is that of {name}" :
                null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or OnnxStreamException)
        {
            return null;
        }
    }

    /// <summary>A sentence behind a space if a file of weights is a pointer of Git LFS, else the empty text: numbers may look like anything else.</summary>
    public static string Pointer(WeightSource source) => Describe(source) is { } sentence && sentence.EndsWith(s_texts[0].What, StringComparison.Ordinal) ? $" {sentence}" : "";

    private static string? OfBinary(ReadOnlySpan<byte> start, Stream file)
    {
        if (start.StartsWith("PK"u8))
        {
            return OfArchive(start, file);
        }

        foreach ((Match matches, string what) in s_binaries)
        {
            if (matches(start, file.Length))
            {
                return what;
            }
        }

        return null;
    }

    // The list of entries stands at the end, and the first entry at the start.
    private static string OfArchive(ReadOnlySpan<byte> start, Stream file)
    {
        byte[] end = new byte[(int)Math.Min(HeadBytes, file.Length)];
        file.Position = file.Length - end.Length;
        _ = file.ReadAtLeast(end, end.Length, throwOnEndOfStream: false);
        bool Has(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name) => head.IndexOf(name) >= 0 || end.AsSpan().IndexOf(name) >= 0;
        return
            Has(start, "data.pkl"u8) ? $"a PyTorch checkpoint. {ExportPyTorch}" :
            Has(start, "model.weights.h5"u8) ? $"a Keras model. {ExportTensorFlow}" :
            Has(start, "com.apple.CoreML"u8) ? $"a Core ML package. {Original}" :
            Has(start, ".npy"u8) ? "an archive of NumPy arrays, not a model." :
            $"an archive (zip). {Unpack}";
    }

    private static string? OfText(ReadOnlySpan<byte> start)
    {
        ReadOnlySpan<byte> bytes = start is [0xef, 0xbb, 0xbf, ..] ? start[3..] : start;
        bytes = bytes.TrimStart(" \r\n\t"u8);
        int other = bytes.IndexOfAnyExceptInRange((byte)' ', (byte)'~');
        bool isText = bytes.Length > 0 && (other < 0 || other > 3 && bytes[other] is (byte)'\n' or (byte)'\r' or (byte)'\t' || bytes[0] is (byte)'<' or (byte)'{' or (byte)'[');
        if (!isText)
        {
            return null;
        }

        string text = Encoding.UTF8.GetString(bytes);
        foreach ((string begin, string what) in s_texts)
        {
            if (text.StartsWith(begin, StringComparison.OrdinalIgnoreCase))
            {
                return begin != "<" ? what :
                    text.Contains("<html", StringComparison.OrdinalIgnoreCase) ? s_texts[1].What :
                    text.Contains("<net ", StringComparison.Ordinal) ? $"a network of OpenVINO. {Original}" :
                    what;
            }
        }

        return text.Contains("*input:", StringComparison.Ordinal)
            ? "the model.txt of an OnnxStream folder. Give it that name, or name the folder."
            : $"a text that begins with '{text[..(text.AsSpan().IndexOfAny("\r\n\t") is var end and > 0 ? Math.Min(end, LongestQuotation) : Math.Min(text.Length, LongestQuotation))]}'.";
    }

    // Other messages of protobuf: the numbers of their fields tell them apart.
    private static string? OfMessage(ReadOnlySpan<byte> start)
    {
        // SavedModel: schema version 1, then graphs that begin with a message. GraphDef: nodes that begin with a name and an operator.
        if (start is [8, 1, 18, ..] && TryRead(start[3..], out _, out int used) && start.Length > 3 + used && start[3 + used] == 10)
        {
            return $"a SavedModel of TensorFlow. {ExportTensorFlow}";
        }

        if (start is [10, ..] && TryRead(start[1..], out _, out used) && start.Length > 2 + used && start[1 + used] == 10 &&
            TryRead(start[(2 + used)..], out ulong name, out int nameUsed) && (ulong)start.Length > name + (ulong)(2 + used + nameUsed) && start[(int)name + 2 + used + nameUsed] == 18)
        {
            return $"a graph of TensorFlow. {ExportTensorFlow}";
        }

        // A Core ML model: a version, a description, then the network as field 200 or higher.
        const ulong FirstNetwork = 200;
        const ulong LastNetwork = 4000;
        for (int at = 0; start[at..] is [_, ..] rest;)
        {
            if (!TryRead(rest, out ulong tag, out int tagBytes) || !TryRead(rest[tagBytes..], out ulong value, out int valueBytes) || (tag & 7) is not (0 or 2))
            {
                return null;
            }

            if (tag >> 3 is >= FirstNetwork and <= LastNetwork && start[0] == 8)
            {
                return $"a Core ML model. {Original}";
            }

            ulong next = (ulong)(at + tagBytes + valueBytes) + ((tag & 7) == 2 ? value : 0);
            if (next >= (ulong)start.Length || value > int.MaxValue)
            {
                return null;
            }

            at = (int)next;
        }

        return null;
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, out ulong value, out int used)
    {
        value = 0;
        const int Longest = 10;
        for (used = 0; used < Math.Min(bytes.Length, Longest); used++)
        {
            value |= (ulong)(bytes[used] & 127) << (7 * used);
            if (bytes[used] < 128)
            {
                used++;
                return true;
            }
        }

        return false;
    }

    // A length, and a JSON object of that length.
    private static bool IsSafetensors(ReadOnlySpan<byte> start, long length) =>
        start.Length > 9 && start[8] == '{' && start[9] is (byte)'"' or (byte)'}' or (byte)' ' or (byte)'\n' &&
        BinaryPrimitives.ReadUInt64LittleEndian(start) <= (ulong)(length - 8);

    // The version of the protocol, and what comes next in what PyTorch writes: a long, a dictionary, a name, or a frame.
    private static bool IsPickle(ReadOnlySpan<byte> start, long length) =>
        start is [0x80, >= 2 and <= 5, 0x8a or (byte)'}' or (byte)'c' or (byte)'(' or (byte)']' or 0x95, ..];

    private static Match Begins(int offset, ReadOnlySpan<byte> magic)
    {
        byte[] bytes = magic.ToArray();
        return (start, _) => start.Length >= offset + bytes.Length && start.Slice(offset, bytes.Length).SequenceEqual(bytes);
    }

    private static Match Begins(int offset, string magic) => Begins(offset, Encoding.Latin1.GetBytes(magic));
}
