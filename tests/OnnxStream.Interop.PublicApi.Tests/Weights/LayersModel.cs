using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

/// <summary>A model of fully connected layers, one after the other, as an OnnxStream folder.</summary>
internal sealed class LayersModel
{
    private const int Rows = 4;

    /// <summary>Writes a model.</summary>
    /// <param name="folder">The folder that it becomes.</param>
    /// <param name="layers">The number of layers.</param>
    /// <param name="width">The inputs and outputs of each.</param>
    public LayersModel(TemporaryFolder folder, int layers, int width)
    {
        Random random = new(1);
        StringBuilder text = new();
        float[] weights = new float[width * width];
        for (int layer = 0; layer < layers; layer++)
        {
            float scale = 2 / MathF.Sqrt(width);
            for (int i = 0; i < weights.Length; i++)
            {
                weights[i] = (random.NextSingle() - 0.5f) * 2 * scale;
            }

            folder.Write($"w{layer}.bin", MemoryMarshal.AsBytes(weights.AsSpan()));
            text.Append(CultureInfo.InvariantCulture, $"layer{layer}:Gemm*input:x{layer}({Rows},{width});w{layer}.bin(float32:{width},{width})*output:x{layer + 1}({Rows},{width})*transB:1\n");
        }

        folder.Write("model.txt", text.ToString());
        Output = $"x{layers}";
        float[] input = [.. Enumerable.Range(0, Rows * width).Select(_ => random.NextSingle() - 0.5f)];
        Inputs = new() { ["x0"] = TensorBuffer.Create<float>(input, Rows, width) };
    }

    public Dictionary<string, TensorBuffer> Inputs { get; }

    public string Output { get; }

    public byte[] Run(InferenceSession session) => session.Run(Inputs)[Output].Bytes.ToArray();

    public byte[] Run(string path, SessionOptions options)
    {
        using InferenceSession session = new(path, options);
        return Run(session);
    }
}
