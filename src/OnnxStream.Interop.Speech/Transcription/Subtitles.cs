using System.Globalization;

namespace OnnxStream.Interop.Speech;

/// <summary>Pieces of a text as files that players show beside a film.</summary>
public static class Subtitles
{
    /// <summary>Writes SubRip's form (<c>.srt</c>).</summary>
    /// <param name="segments">The pieces.</param>
    /// <param name="writer">Receives the text.</param>
    public static void WriteSrt(IEnumerable<TranscriptSegment> segments, TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(segments);
        ArgumentNullException.ThrowIfNull(writer);
        int number = 0;
        foreach (TranscriptSegment segment in segments)
        {
            writer.Write($"{++number}\n{Time(segment.Start, ',')} --> {Time(segment.End, ',')}\n{Line(segment)}\n\n");
        }
    }

    /// <summary>Writes WebVTT (<c>.vtt</c>). https://www.w3.org/TR/webvtt1/</summary>
    /// <param name="segments">The pieces.</param>
    /// <param name="writer">Receives the text.</param>
    public static void WriteVtt(IEnumerable<TranscriptSegment> segments, TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(segments);
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write("WEBVTT\n\n");
        foreach (TranscriptSegment segment in segments)
        {
            writer.Write($"{Time(segment.Start, '.')} --> {Time(segment.End, '.')}\n{Line(segment)}\n\n");
        }
    }

    // An arrow would be read as the line of times.
    private static string Line(TranscriptSegment segment) => segment.Text.Trim().Replace("-->", "->", StringComparison.Ordinal).ReplaceLineEndings(" ");

    private static string Time(TimeSpan time, char point) => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours:00}:{time.Minutes:00}:{time.Seconds:00}{point}{time.Milliseconds:000}");
}
