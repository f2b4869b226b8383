namespace OnnxStream.Interop.Tests.Rooms;

/// <summary>Rooms that know one another, directly or through others.</summary>
internal static class Circle
{
    /// <summary>A shortest circle of the arrows, room after room; null if there is none.</summary>
    public static IReadOnlyList<Arrow>? Find(IReadOnlyCollection<Arrow> arrows) => arrows
        .Select(arrow => (Arrow: arrow, Back: FindWay(arrows, arrow.To, arrow.From)))
        .Where(pair => pair.Back is not null)
        .Select(pair => (IReadOnlyList<Arrow>)[pair.Arrow, .. pair.Back!])
        .MinBy(circle => circle.Count);

    private static List<Arrow>? FindWay(IReadOnlyCollection<Arrow> arrows, string from, string to)
    {
        Dictionary<string, List<Arrow>> ways = new() { [from] = [] };
        Queue<string> rooms = new([from]);
        while (rooms.TryDequeue(out string? room) && room != to)
        {
            foreach (Arrow arrow in arrows.Where(arrow => arrow.From == room))
            {
                if (ways.TryAdd(arrow.To, [.. ways[room], arrow]))
                {
                    rooms.Enqueue(arrow.To);
                }
            }
        }

        return ways.GetValueOrDefault(to);
    }
}
