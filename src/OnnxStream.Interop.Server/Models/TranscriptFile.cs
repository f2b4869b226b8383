using System.Text.Json;
using OnnxStream.Interop.Speech;

namespace OnnxStream.Interop.Server.Models;

/// <summary>What was said, as the JSON file of a job's result, in the shape of OpenAI's <c>verbose_json</c>.</summary>
internal static class TranscriptFile
{
    /// <summary>Writes it.</summary>
    /// <param name="transcription">What was read to its end.</param>
    /// <param name="segments">Its pieces.</param>
    /// <param name="translates">Whether it is a translation.</param>
    public static byte[] Write(Transcription transcription, IReadOnlyList<TranscriptSegment> segments, bool translates)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("task", translates ? "translate" : "transcribe");
            writer.WriteString("language", transcription.Language);
            writer.WriteNumber("duration", Math.Round(transcription.Duration.TotalSeconds, 3));
            writer.WriteString("text", string.Concat(segments.Select(segment => segment.Text)).Trim());
            writer.WriteStartArray("segments");
            for (int i = 0; i < segments.Count; i++)
            {
                Write(writer, i, segments[i]);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, int index, TranscriptSegment segment)
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", index);

        // Where its window begins is not kept: hundredths of a second of the piece itself.
        writer.WriteNumber("seek", (int)(segment.Start.TotalMilliseconds / 10));
        writer.WriteNumber("start", segment.Start.TotalSeconds);
        writer.WriteNumber("end", segment.End.TotalSeconds);
        writer.WriteString("text", segment.Text);
        writer.WriteStartArray("tokens");
        foreach (int token in segment.Tokens)
        {
            writer.WriteNumberValue(token);
        }

        writer.WriteEndArray();
        writer.WriteNumber("temperature", segment.Temperature);
        writer.WriteNumber("avg_logprob", Finite(segment.AverageLogProbability));
        writer.WriteNumber("compression_ratio", Finite(segment.CompressionRatio));
        writer.WriteNumber("no_speech_prob", Finite(segment.NoSpeechProbability));
        writer.WriteEndObject();
    }

    private static float Finite(float value) => float.IsFinite(value) ? value : 0;
}
