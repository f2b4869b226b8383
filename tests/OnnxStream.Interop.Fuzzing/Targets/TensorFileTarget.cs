using System.Text;
using Google.Protobuf;
using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>Files with one tensor: NumPy's <c>.npy</c> (bytes and the words of the header) and ONNX's <c>.pb</c> (bytes and fields).</summary>
internal sealed class TensorFileTarget() : FuzzTarget("tensors")
{
    private const int HeaderStart = 10;
    private const int LargestFile = 8 << 10;

    private byte[][] _arrays = [];
    private TensorProto[] _messages = [];

    /// <inheritdoc/>
    public override void Prepare()
    {
        if (_arrays.Length == 0)
        {
            _arrays = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Models", "npy"), "*.npy").Order(StringComparer.Ordinal).Select(File.ReadAllBytes).Where(bytes => bytes.Length <= LargestFile)];
            _messages = [.. SeedModels.All.SelectMany(model => model.Proto.Graph.Initializer).Where(tensor => tensor.RawData.Length <= LargestFile)];
        }
    }

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        if (random.Next(2) == 0)
        {
            byte[] array = random.Pick(_arrays);
            string path = Path.Combine(folder, "tensor.npy");
            File.WriteAllBytes(path, random.Next(2) == 0 ? ByteMutator.Mutate(array, random) : MutateHeader(array, random));
            NpyFile.Load(path);
        }
        else
        {
            TensorProto message = random.Pick(_messages).Clone();
            byte[] bytes;
            if (random.Next(2) == 0)
            {
                bytes = ByteMutator.Mutate(message.ToByteArray(), random);
            }
            else
            {
                TensorMutator.Mutate(message, random);
                bytes = message.ToByteArray();
            }

            // As a model, for the files that external data may name.
            ModelFolder.Write(folder, bytes);
            OnnxTensorFile.Load(ModelFolder.PathIn(folder));
        }
    }

    private static byte[] MutateHeader(byte[] array, Random random)
    {
        int length = BitConverter.ToUInt16(array, HeaderStart - 2);
        string header = TextMutator.Mutate(Encoding.Latin1.GetString(array, HeaderStart, length), random);
        // Most with a length that fits: what is written in the header is read.
        byte[] bytes = [.. array[..HeaderStart], .. Encoding.UTF8.GetBytes(header), .. array[(HeaderStart + length)..]];
        if (random.Next(4) != 0)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(HeaderStart - 2), (ushort)Encoding.UTF8.GetByteCount(header));
        }

        return bytes;
    }
}
