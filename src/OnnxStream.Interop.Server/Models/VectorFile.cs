using System.Text.Json;

namespace OnnxStream.Interop.Server.Models;

/// <summary>Vectors as the JSON file of a job's result: an array of arrays of numbers.</summary>
internal static class VectorFile
{
    /// <summary>Writes them.</summary>
    public static byte[] Write(IReadOnlyList<float[]> vectors)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartArray();
            foreach (float[] vector in vectors)
            {
                writer.WriteStartArray();
                foreach (float value in vector)
                {
                    writer.WriteNumberValue(float.IsFinite(value) ? value : 0);
                }

                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        return stream.ToArray();
    }
}
