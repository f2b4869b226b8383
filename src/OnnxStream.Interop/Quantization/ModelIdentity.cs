using System.Globalization;
using System.IO.Hashing;
using System.Text;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Quantization;

/// <summary>Tells models apart by what they compute: nodes, names, shapes and the beginnings of their weights. Where the files lie is not in it, so that they may be copied.</summary>
internal static class ModelIdentity
{
    // Of each weight: enough to tell two trainings of a network apart.
    private const int SampledBytes = 4096;

    /// <summary>The identity of a graph: 32 hexadecimal digits.</summary>
    /// <exception cref="WeightsException">A weight cannot be read.</exception>
    public static string Of(Graph graph)
    {
        XxHash128 hash = new();
        foreach (Node node in graph.AllNodes())
        {
            Append($"{node.Domain}.{node.OperatorType}({string.Join(',', node.Inputs.Select(input => input?.Name))})->{string.Join(',', node.Outputs.Select(output => output?.Name))}");
            foreach (Value? input in node.Inputs)
            {
                if (input?.Constant is { } constant)
                {
                    AppendSample(constant, hash);
                }
            }
        }

        return hash.GetCurrentHashAsUInt128().ToString("x32", CultureInfo.InvariantCulture);

        void Append(string text) => hash.Append(Encoding.UTF8.GetBytes($"{text}\n"));
    }

    private static void AppendSample(Constant constant, XxHash128 hash)
    {
        hash.Append(Encoding.UTF8.GetBytes(constant.Type.ToString()));
        byte[] bytes = new byte[Math.Min(SampledBytes, constant.Location?.Length ?? constant.Data!.Length)];
        constant.Read(0, bytes);
        hash.Append(bytes);
    }
}
