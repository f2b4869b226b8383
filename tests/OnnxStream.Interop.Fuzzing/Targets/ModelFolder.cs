using OnnxStream.Interop.Fuzzing.Seeds;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>An ONNX file and what it may name beside itself.</summary>
internal static class ModelFolder
{
    /// <summary>The model in a folder.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "model.onnx");

    /// <summary>Writes a model; if it has external data, a file of weights, a folder, and a link that leads out of here.</summary>
    public static void Write(string folder, byte[] model)
    {
        File.WriteAllBytes(PathIn(folder), model);
        if (model.AsSpan().IndexOf("location"u8) >= 0)
        {
            byte[] weights = new byte[Structures.WeightsBytes];
            for (int i = 0; i < weights.Length; i++)
            {
                // Floats between -1 and 1.
                weights[i] = (byte)(i % 4 == 3 ? 0x3D + (i % 8 / 4 * 0x80) : i * 7);
            }

            File.WriteAllBytes(Path.Combine(folder, Structures.WeightsFile), weights);
            Directory.CreateDirectory(Path.Combine(folder, "folder"));
            if (!OperatingSystem.IsWindows())
            {
                File.CreateSymbolicLink(Path.Combine(folder, "link.bin"), "/etc/hostname");
            }
        }
    }
}
