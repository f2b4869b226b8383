using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Fuzzing.Mutators;

/// <summary>Changes files of lines: whole lines, and the words, numbers and signs in them.</summary>
internal static partial class TextMutator
{
    /// <summary>A copy with one or two changes, now and then more: a text says little that is not checked at once.</summary>
    public static string Mutate(string file, Random random)
    {
        List<string> lines = [.. file.Split('\n')];
        for (int change = random.Next(8) == 0 ? random.Next(3, 6) : random.Next(1, 3); change > 0 && lines.Count > 0; change--)
        {
            int place = random.Next(lines.Count);
            switch (random.Next(16))
            {
                case 0:
                    lines.RemoveAt(place);
                    break;
                case 1:
                    lines.Insert(random.Next(lines.Count + 1), lines[place]);
                    break;
                case 2:
                    int other = random.Next(lines.Count);
                    (lines[place], lines[other]) = (lines[other], lines[place]);
                    break;
                case 3:
                    lines[place] = lines[place][..random.Next(lines[place].Length + 1)];
                    break;
                default:
                    lines[place] = MutateLine(lines[place], lines[random.Next(lines.Count)], random);
                    break;
            }
        }

        return string.Join('\n', lines);
    }

    private static string MutateLine(string line, string other, Random random)
    {
        List<string> words = Split(line);
        if (words.Count == 0)
        {
            return Interesting.Text(random);
        }

        int place = random.Next(words.Count);
        switch (random.Next(8))
        {
            case 0:
                words.RemoveAt(place);
                break;
            case 1:
                words.Insert(place, words[random.Next(words.Count)]);
                break;
            case 2:
                words[place] = random.Pick(Split(other) is { Count: > 0 } others ? others : [""]);
                break;
            case 3:
                words[place] = Interesting.Text(random);
                break;
            case 4:
                int second = random.Next(words.Count);
                (words[place], words[second]) = (words[second], words[place]);
                break;
            default:
                // Numbers most of all: they are shapes, axes and sizes.
                int[] numbers = [.. Enumerable.Range(0, words.Count).Where(i => char.IsAsciiDigit(words[i][0]))];
                words[numbers.Length > 0 ? random.Pick(numbers) : place] = random.Next(5) == 0 ? $"{Interesting.Float(random)}" : $"{Interesting.Integer(random)}";
                break;
        }

        return string.Concat(words);
    }

    private static List<string> Split(string line) => [.. Words().Matches(line).Select(match => match.Value)];

    [GeneratedRegex(@"[A-Za-z_.]+|[0-9]+|.", RegexOptions.Singleline)]
    private static partial Regex Words();
}
